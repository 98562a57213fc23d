"""A run's predictions as per-example statistics, so that its metric can be resampled."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lopa_bench.errors import UserError
from lopa_bench.report.statistics import Floats, Scores

POSITIVE = "Yes"  # the label word of MRPC's and QQP's positive class (the paper's verbaliser)


def read_predictions(result_path: Path) -> list[dict[str, Any]]:
    """The lines of ``predictions.jsonl`` (or ``.jsonl.gz``) beside a ``result.json``, if any.

    Raises:
        UserError: a damaged file, or a line that is no prediction.
    """
    for name, opener in (("predictions.jsonl", open), ("predictions.jsonl.gz", gzip.open)):
        path = result_path.with_name(name)
        if path.is_file():
            try:
                with opener(path, "rt", encoding="utf-8") as lines:  # type: ignore[operator]
                    predictions = [json.loads(line) for line in lines]
            except (OSError, EOFError, zlib.error, ValueError) as error:
                raise UserError(f"{path}: not one JSON object a line ({error})") from error
            if not all(isinstance(prediction, dict) for prediction in predictions):
                raise UserError(f"{path}: not one JSON object a line")
            return predictions
    return []


def examples_of(predictions: Sequence[Mapping[str, Any]]) -> str:
    """A digest of which examples were predicted, in order."""
    told = [(line.get("index"), line.get("target")) for line in predictions]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


def read_scores(result_path: Path, task: str, metric: str) -> Scores | None:
    """The statistics of a run's headline metric; None where its predictions do not give them.

    Raises:
        UserError: a damaged file.
    """
    predictions = read_predictions(result_path)
    reader = _READERS.get((task, metric)) or _READERS.get((None, metric))
    if not predictions or reader is None or not _usable(predictions, metric):
        return None
    try:
        return replace(reader(predictions), examples=examples_of(predictions))
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"{result_path.parent}: its predictions are damaged ({error})") from error


def _usable(predictions: Sequence[Mapping[str, Any]], metric: str) -> bool:
    needed = "prediction" if metric.startswith("bleu") else "correct"
    return all(needed in line and "target" in line for line in predictions)


def _mean_correct(predictions: Sequence[Mapping[str, Any]]) -> Scores:
    """Accuracy, or pass@1: the fraction of an example's samples that are correct."""
    share = np.array([share_correct(line) for line in predictions])
    binary = bool(np.isin(share, (0.0, 1.0)).all())
    return Scores(share[:, None], _percent_mean, share.astype(bool) if binary else None)


def share_correct(line: Mapping[str, Any]) -> float:
    """The fraction that is right of an example's samples, those that count (not None)."""
    correct = line["correct"]
    return float(np.mean([each for each in correct if each is not None] if isinstance(correct, list) else correct))


def _percent_mean(sums: Floats, n: int) -> Floats:
    return 100 * sums[..., 0] / n


def _accuracy_and_f1(predictions: Sequence[Mapping[str, Any]]) -> Scores:
    """GLUE's score of MRPC and QQP: the mean of accuracy and F1 of the positive class."""
    correct = np.array([bool(line["correct"]) for line in predictions])
    gold = np.array([line["target"].strip() == POSITIVE for line in predictions])
    said = gold == correct  # two classes: right about a positive, or wrong about a negative
    columns = (correct, gold & said, said, gold)
    return Scores(np.stack(columns, 1).astype(float), _mean_of_accuracy_and_f1)


def _mean_of_accuracy_and_f1(sums: Floats, n: int) -> Floats:
    correct, both, said, gold = np.moveaxis(sums, -1, 0)
    f1 = 2 * both / np.maximum(said + gold, 1)
    return 50 * (correct / n + f1)


def _bleu(normalise: Callable[[str], str], *, lowercase: bool) -> Callable[..., Scores]:
    """Corpus BLEU from each example's n-gram counts (sacrebleu's, 13a tokens)."""

    def read(predictions: Sequence[Mapping[str, Any]]) -> Scores:
        from sacrebleu.metrics import BLEU

        bleu = BLEU(lowercase=lowercase, force=True, effective_order=True)  # of a sentence; only its counts are used
        rows = []
        for line in predictions:
            references = line.get("references") or [line["target"]]
            one = bleu.sentence_score(normalise(_first(line["prediction"])), [normalise(text) for text in references])
            rows.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
        return Scores(np.array(rows, dtype=float), _bleu_of_counts)

    return read


def _bleu_of_counts(sums: Floats, n: int) -> Floats:
    hypothesis, reference = sums[..., 0], sums[..., 1]
    counts, totals = sums[..., 2:6], np.maximum(sums[..., 6:10], 1)
    with np.errstate(divide="ignore"):
        precision = np.exp(np.log(counts / totals).mean(-1))
        brevity = np.exp(np.minimum(0.0, 1 - reference / np.maximum(hypothesis, 1e-9)))
    return 100 * brevity * precision


def _first(prediction: str | list[str]) -> str:
    return prediction if isinstance(prediction, str) else prediction[0]


def _webnlg(text: str) -> str:
    """As the WebNLG pipeline scores it."""
    from lopa_bench.metrics.nlg import split_words

    return split_words(text.lower())


_READERS: dict[tuple[str | None, str], Callable[[Sequence[Mapping[str, Any]]], Scores]] = {
    (None, "glue"): _mean_correct,
    (None, "accuracy"): _mean_correct,
    (None, "pass@1"): _mean_correct,
    ("mrpc", "glue"): _accuracy_and_f1,
    ("qqp", "glue"): _accuracy_and_f1,
    ("e2e", "bleu"): _bleu(str, lowercase=True),
    ("webnlg", "bleu_all"): _bleu(_webnlg, lowercase=False),
}
