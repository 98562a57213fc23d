"""Scores of the two data-to-text benchmarks, E2E and WebNLG, by their official rules.

BLEU, METEOR, ROUGE-L and chrF++ in percent, TER a fraction, NIST and CIDEr as they are. Without
Java the metrics of ``missing()`` are left out of the result; they are never 0.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from lopa_bench.errors import UserError

from . import captions, mteval, ter

E2E_METRICS = ("bleu", "nist", "meteor", "rouge_l", "cider")
WEBNLG_METRICS = ("bleu", "ter", "meteor", "chrf++")
WEBNLG_SUBSETS = ("seen", "unseen", "all")

# The ten categories of WebNLG 2017 that its training set has.
WEBNLG_SEEN = frozenset(
    "Airport Astronaut Building City ComicsCharacter Food Monument SportsTeam University WrittenWork".split()
)

Rules = Literal["lora", "challenge_2017"]
Texts = Sequence[Sequence[str]]

# nltk's word_tokenize, which GenerationEval applies before TER and METEOR, still splits these
# words after the text was split at every non-word character.
_CONTRACTION = re.compile(r"\b(can)(?=not\b)|\b(gim|lem)(?=me\b)|\b(gon|wan)(?=na\b)|\b(got)(?=ta\b)")


def missing() -> dict[str, str]:
    """Metrics that cannot be computed on this machine, with the way to get them."""
    return {} if captions.java_available() else dict.fromkeys(captions.METRICS, captions.GET_JAVA)


def e2e(outputs: Sequence[str], references: Texts, variant: mteval.Variant = "perl") -> dict[str, float]:
    """E2E challenge scores; ``variant`` is the implementation of BLEU and NIST (see mteval)."""
    scores = {
        "bleu": mteval.bleu(outputs, references, variant),
        "nist": mteval.nist(outputs, references, variant),
    }
    return scores if missing() else scores | captions.score(outputs, references)


def webnlg(
    outputs: Sequence[str],
    references: Texts,
    rules: Rules = "lora",
    *,
    extra_empty_item: bool = False,
) -> dict[str, float]:
    """WebNLG scores of one set of instances.

    Args:
        rules: ``lora``, the pipeline of LoRA and the LOPA paper (microsoft/LoRA, then
            WebNLG/GenerationEval), or ``challenge_2017``, the scorer of the 2017 challenge.
        extra_empty_item: GenerationEval takes the end of a file whose last line ends in a newline
            for one more instance, empty on both sides, with a TER of 1. Reproduce that.
    """
    if rules not in get_args(Rules):
        raise UserError(f"WebNLG rules {rules!r} are not one of {', '.join(get_args(Rules))}")
    return _challenge_2017(outputs, references) if rules == "challenge_2017" else _generation_eval(
        [split_words(text.lower()) for text in outputs],
        [[split_words(text.lower()) for text in texts[:6]] for texts in references],
        extra_empty_item,
    )  # fmt: skip


def webnlg_by_subset(
    outputs: Sequence[str],
    references: Texts,
    categories: Sequence[str],
    rules: Rules = "lora",
    *,
    extra_empty_item: bool = False,
) -> dict[str, float]:
    """WebNLG scores of the seen, the unseen and all categories: ``bleu_seen``, … ``ter_all``.

    A subset without instances has no scores.
    """
    seen = [category in WEBNLG_SEEN for category in categories]
    subsets: Mapping[str, list[int]] = {
        "seen": [i for i, known in enumerate(seen) if known],
        "unseen": [i for i, known in enumerate(seen) if not known],
        "all": list(range(len(seen))),
    }
    scores = {}
    with contextlib.nullcontext() if missing() else captions.meteor_process():
        for subset, rows in subsets.items():
            if rows:
                texts = [outputs[i] for i in rows], [references[i] for i in rows]
                found = webnlg(*texts, rules, extra_empty_item=extra_empty_item)
                scores |= {f"{metric}_{subset}": value for metric, value in found.items()}
    return scores


def split_words(text: str) -> str:
    """Every non-word character a word of its own, single blanks between words."""
    return " ".join(re.sub(r"(\W)", r" \1 ", text).split())


def _generation_eval(outputs: Sequence[str], references: Texts, extra_empty_item: bool) -> dict[str, float]:
    """GenerationEval on prepared text. LoRA fills up missing references with the first one, which
    changes none of these metrics, so they stay missing."""
    from sacrebleu.metrics import BLEU, CHRF

    streams = _streams(references, fill=None)
    words = [_CONTRACTION.sub(r"\g<0> ", text) for text in outputs]
    reference_words = [[_CONTRACTION.sub(r"\g<0> ", text) for text in texts] for texts in references]
    error_rate = ter.sentence_mean(words, reference_words)
    if extra_empty_item:
        error_rate = (error_rate * len(outputs) + 1) / (len(outputs) + 1)
    scores = {
        "bleu": BLEU(smooth_method="none", force=True).corpus_score(outputs, streams).score,
        "ter": error_rate,
        "chrf++": CHRF(word_order=2, eps_smoothing=True).corpus_score(outputs, streams).score,
    }
    if not missing():
        scores["meteor"] = captions.meteor(words, reference_words)
    return scores


def _challenge_2017(outputs: Sequence[str], references: Texts) -> dict[str, float]:
    """``multi-bleu.perl -lc``, tercom and METEOR on ASCII, with the first three references."""
    from sacrebleu.metrics import BLEU

    ascii_of = _unidecode()
    outputs = [split_words(ascii_of(ascii_of(text).lower())) for text in outputs]
    references = [[ascii_of(split_words(text).lower()) for text in texts[:3]] for texts in references]
    # Its files have an empty line for a missing reference, and BLEU counts its length of 0.
    bleu = BLEU(lowercase=True, tokenize="none", smooth_method="none", force=True)
    scores = {
        "bleu": bleu.corpus_score(outputs, _streams(references, fill="")).score,
        "ter": ter.corpus(outputs, references),
    }
    if not missing():
        scores["meteor"] = captions.meteor(outputs, references)
    return scores


def _unidecode():
    try:
        from unidecode import unidecode
    except ImportError:
        raise UserError("the rules of the 2017 WebNLG challenge need unidecode: pip install unidecode") from None
    return unidecode


def _streams(references: Texts, fill: str | None) -> list[list[str | None]]:
    """References as sacrebleu wants them: the first of every instance, the second of every, …"""
    most = max(map(len, references))
    return [[texts[k] if k < len(texts) else fill for texts in references] for k in range(most)]
