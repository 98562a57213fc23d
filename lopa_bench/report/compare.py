"""Two runs of one task against each other: the test, and the examples that flip."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopa_bench.errors import UserError
from lopa_bench.report.crossed import LEVEL
from lopa_bench.report.differing import circumstances, differing
from lopa_bench.report.resampling import RowScores, jackknife, more_rows_of, other_examples, read_scores
from lopa_bench.report.statistics import Difference, paired_difference
from lopa_bench.report.texts import p_to_four_places
from lopa_bench.results.directory import load_result
from lopa_bench.results.predictions import examples_digest, read_predictions, share_correct
from lopa_bench.study.claim import Region
from lopa_bench.tasks.known import as_run

Line = dict[str, Any]  # of predictions.jsonl
Flip = tuple[Line, Line]
SHOWN = 60  # characters of an input or an answer


@dataclass(frozen=True)
class Written:
    """Two runs' texts of the same examples.

    Attributes:
        alike: examples for which both wrote the same.
        for_a, for_b: the others, as ``(points, line of A, line of B)``, the most first: what each adds to the metric of A, or of B,
            more than to the other's.
    """

    alike: int
    for_a: list[tuple[float, Line, Line]]
    for_b: list[tuple[float, Line, Line]]


@dataclass(frozen=True)
class Comparison:
    """A − B on the same examples.

    Attributes:
        scores: the metric of A and of B.
        discordant: examples that only A, and that only B gets right; None where no example has a
            right or wrong of its own (BLEU).
        more_rows: about how many more examples would decide by `test`; 0: none, None: no practical number.
        only_a, only_b: those examples, as ``(line of A, line of B)``.
        written: how the texts differ where it is None.
        beside: in what a comparison of two methods means to be alike, and is not: ``device (cpu | NVIDIA H100)``.
    """

    a: Path
    b: Path
    task: str
    metric: str
    scores: tuple[float, float]
    difference: Difference
    test: str
    discordant: tuple[int, int] | None
    more_rows: int | None
    only_a: list[Flip]
    only_b: list[Flip]
    written: Written | None
    beside: list[str]


def compare(a: Path, b: Path) -> Comparison:
    """Test two runs on the examples that both predicted.

    Raises:
        UserError: not two finished runs of one task with their predictions of the same examples.
    """
    (path_a, result_a), (path_b, result_b) = load_result(a), load_result(b)
    for key in ("task", "scale", "reported_split", "metric"):
        left, right = getattr(result_a, key), getattr(result_b, key)
        if left != right:
            raise UserError(f"{key} differs: {a} has {left}, {b} has {right}")
    task, metric = result_a.task, result_a.metric
    lines_a, lines_b = read_predictions(path_a), read_predictions(path_b)
    if not lines_a or not lines_b:
        raise UserError(f"{a if not lines_a else b}: no predictions beside its result.json")
    if examples_digest(lines_a) != examples_digest(lines_b):
        classes = [[line.get("label") for line in lines] for lines in (lines_a, lines_b)]
        if classes[0] == classes[1] and None not in classes[0]:
            raise UserError(
                f"{a} and {b} answer the same examples with other words; runs of one task.words are compared"
            )
        raise UserError(f"{a} and {b} did not predict the same examples")
    runs = ((path_a, result_a), (path_b, result_b))
    metrics = [as_run(task, result.setting("task") or {}).metrics[metric] for _, result in runs]
    if metrics[0] != metrics[1]:
        classes = [result.setting("task.f1_label") for _, result in runs]
        raise UserError(f"{metric} is of another class: task.f1_label is {classes[0]} in {a}, {classes[1]} in {b}")
    scores_a, scores_b = (
        read_scores(path, own, claimed=result.score) for (path, result), own in zip(runs, metrics, strict=True)
    )
    if scores_a is None or scores_b is None:
        raise UserError(f"{metric} of {task} cannot be recomputed from the predictions of {a}")
    if other_examples([result.data.fingerprints.get("test") for _, result in runs], [scores_a, scores_b]):
        raise UserError(f"{a} and {b} did not predict the same examples: their test splits differ, with targets alike")
    values = (result_a.score, result_b.score)
    difference = paired_difference([scores_a], [scores_b], [values[0] - values[1]], Region(low=0.0))
    only_a, only_b = _flips(lines_a, lines_b)
    right_or_wrong = "correct" in lines_a[0]
    binary = scores_a.correct is not None and scores_b.correct is not None
    flipped = (len(only_a), len(only_b))
    return Comparison(
        a=path_a.parent,
        b=path_b.parent,
        task=task,
        metric=metric,
        scores=values,
        difference=difference,
        test="exact McNemar" if binary else "paired bootstrap",
        discordant=flipped if right_or_wrong else None,
        more_rows=more_rows_of(*flipped, difference.rows) if binary else difference.more_rows,
        only_a=only_a,
        only_b=only_b,
        written=None if right_or_wrong else _written(lines_a, lines_b, scores_a, scores_b),
        beside=differing([(circumstances(result_a, result_b), circumstances(result_b, result_a))]),
    )


def _flips(a: list[Line], b: list[Line]) -> tuple[list[Flip], list[Flip]]:
    """Pairs of lines that only A, and that only B gets right (at least half its samples)."""
    only_a: list[Flip] = []
    only_b: list[Flip] = []
    for x, y in zip(a, b, strict=True):
        right = ["correct" in line and share_correct(line) >= 0.5 for line in (x, y)]
        if right[0] != right[1]:
            (only_a if right[0] else only_b).append((x, y))
    return only_a, only_b


def _written(a: list[Line], b: list[Line], scores_a: RowScores, scores_b: RowScores) -> Written:
    """What the texts that differ add to A − B, by the jackknife: a corpus metric (BLEU) has no value of one text alone."""
    points = (jackknife(scores_a) - jackknife(scores_b)) / len(a)
    others = [(float(p), x, y) for p, x, y in zip(points, a, b, strict=True) if x["prediction"] != y["prediction"]]
    others.sort(key=lambda other: -abs(other[0]))
    return Written(
        alike=len(a) - len(others),
        for_a=[other for other in others if other[0] > 0],
        for_b=[(-p, x, y) for p, x, y in others if p < 0],
    )


def as_text(comparison: Comparison, flips: int) -> str:
    """For people; ``flips`` examples per direction."""
    d = comparison.difference
    lines = [
        f"A {comparison.a}",
        f"B {comparison.b}",
        f"{comparison.task}, {comparison.metric}: A {comparison.scores[0]:.2f}, "
        f"B {comparison.scores[1]:.2f}, A − B {d.effect:+.2f} "
        + ("(one example)" if d.rows < 2 else f"(95 % interval over {d.rows:,} examples {d.low:+.2f} … {d.high:+.2f})"),
    ]
    if d.p_examples is not None:
        told = (
            f"p {p_to_four_places(d.p_examples, '= ')} for these two runs; one pair of runs says nothing of other seeds"
        )
        lines.append(f"{comparison.test}: {told}")
    if comparison.beside:
        lines.append(f"They differ in {', '.join(comparison.beside)}.")
    if d.p_examples is not None and (d.p_examples < LEVEL) != (d.low > 0 or d.high < 0):
        lines.append("The interval is a bootstrap's and close to zero here; it is the p that decides.")
    more = comparison.more_rows
    if more is None and d.rows > 1:
        lines.append("No practical number of examples would tell these two apart.")
    elif more:
        lines.append(f"About {more:,} more example{'s' * (more > 1)} would tell them apart at this effect.")
    if comparison.discordant:
        for name, pairs in (("A", comparison.only_a), ("B", comparison.only_b)):
            lines.append(f"Only {name} is right: {len(pairs)}")
            lines += [f"  {_flip(x, y)}" for x, y in pairs[:flips]]
            if len(pairs) > flips:
                lines.append(f"  … {len(pairs) - flips} more (--flips)")
    if written := comparison.written:
        lines.append(f"Both wrote the same: {written.alike} of {d.rows:,}")
        for name, texts in (("A", written.for_a), ("B", written.for_b)):
            lines.append(f"For {name}: {len(texts)}, first those that add most to its {comparison.metric}")
            lines += [f"  +{points:.3f} {_flip(x, y)}" for points, x, y in texts[:flips]]
            if len(texts) > flips:
                lines.append(f"  … {len(texts) - flips} more (--flips)")
    return "\n".join(lines)


def _flip(a: dict[str, Any], b: dict[str, Any]) -> str:
    """The example and both answers, a class by its name where both runs wrote it down; version 0.1's lines have neither text nor names."""
    if a.get("label") is not None and all("predicted_label" in line for line in (a, b)):
        answers = [a["label"], a["predicted_label"], b["predicted_label"]]
    else:
        answers = [a.get("target"), a.get("prediction"), b.get("prediction")]
    target, x, y = (json.dumps(text, ensure_ascii=False) for text in answers)
    alike = next((i for i, (one, other) in enumerate(zip(x, y, strict=False)) if one != other), 0)
    start = alike - SHOWN // 3 if alike > SHOWN // 2 else 0  # texts are shown from shortly before they part
    shown = [_short(text, start if text.startswith(x[:start]) else 0) for text in (target, x, y)]
    read = f" {_short(json.dumps(a['input'], ensure_ascii=False))}" if "input" in a else ""
    return f"#{a.get('index')}{read}: target {shown[0]}, A {shown[1]}, B {shown[2]}"


def _short(text: str, start: int = 0) -> str:
    shown = "…" + text[start:] if start else text
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"


def as_json(comparison: Comparison, flips: int) -> str:
    d = comparison.difference
    return json.dumps(
        {
            "a": str(comparison.a),
            "b": str(comparison.b),
            "task": comparison.task,
            "metric": comparison.metric,
            "scores": comparison.scores,
            "effect": d.effect,
            "interval": None if math.isnan(d.low) else [d.low, d.high],
            "p": d.p_examples,
            "test": comparison.test,
            "rows": d.rows,
            "more_rows": comparison.more_rows,
            "discordant": comparison.discordant,
            "beside": comparison.beside,
            "only_a": [x for x, _ in comparison.only_a[:flips]],
            "only_b": [y for _, y in comparison.only_b[:flips]],
            "written": _written_as_json(comparison.written, flips),
        },
        indent=1,
        ensure_ascii=False,
    )


def _written_as_json(written: Written | None, flips: int) -> dict[str, Any] | None:
    if written is None:
        return None
    texts = {
        key: [{"points": points, "a": x, "b": y} for points, x, y in texts[:flips]]
        for key, texts in (("for_a", written.for_a), ("for_b", written.for_b))
    }
    return {"alike": written.alike, **texts}
