"""Scores of the two data-to-text benchmarks, E2E and WebNLG, by their official rules.

BLEU, METEOR, ROUGE-L and chrF++ in percent, TER a fraction, NIST and CIDEr as they are. Without
Java the metrics of ``missing()`` are left out of the result; they are never 0.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast, get_args

from lopa_bench.errors import UserError
from lopa_bench.host.extras import lacking
from lopa_bench.metrics import bleu, captions, mteval, ter
from lopa_bench.metrics.metric import Metric, by_name

WEBNLG_SUBSETS = ("unseen", "seen", "all")
GENERATION_EVAL_REFERENCES = 6  # that it reads of an instance

# The ten categories of WebNLG 2017 that its training set has.
WEBNLG_SEEN = frozenset(
    "Airport Astronaut Building City ComicsCharacter Food Monument SportsTeam University WrittenWork".split()
)
WEBNLG_UNSEEN = frozenset("Artist Athlete CelestialBody MeanOfTransportation Politician".split())  # its test set alone

Rules = Literal["lora", "challenge_2017"]
Texts = Sequence[Sequence[str]]

# nltk's word_tokenize, which GenerationEval applies before TER and METEOR, still splits these
# words after the text was split at every non-word character.
_CONTRACTION = re.compile(r"\b(can)(?=not\b)|\b(gim|lem)(?=me\b)|\b(gon|wan)(?=na\b)|\b(got)(?=ta\b)")


def missing() -> dict[str, str]:
    """Metrics that cannot be computed on this machine, with the way to get them."""
    way = lacking("pycocoevalcap") or (None if captions.java_available() else captions.GET_JAVA)
    return dict.fromkeys(captions.METRICS, way) if way else {}


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
    if rules == "challenge_2017" and extra_empty_item:
        raise UserError("extra_empty_item=true is what GenerationEval does; nearest: rules=lora")
    if rules == "challenge_2017":
        return _challenge_2017(outputs, references)
    prepared = [[_prepared(text) for text in texts[:GENERATION_EVAL_REFERENCES]] for texts in references]
    return _generation_eval([_prepared(text) for text in outputs], prepared, extra_empty_item)


def webnlg_by_subset(
    outputs: Sequence[str],
    references: Texts,
    categories: Sequence[str],
    rules: Rules = "lora",
    *,
    extra_empty_item: bool = False,
) -> dict[str, float]:
    """WebNLG scores of the seen, the unseen and all categories: ``bleu_seen``, … ``ter_all``.

    A subset without instances has no scores, nor has any but ``all`` where a category is none of WebNLG 2017: what later releases train
    on is not what it did.
    """
    of_2017 = WEBNLG_SEEN.union(WEBNLG_UNSEEN).issuperset(categories)
    subsets: Mapping[str, list[int]] = {
        "seen": [i for i, category in enumerate(categories) if of_2017 and category in WEBNLG_SEEN],
        "unseen": [i for i, category in enumerate(categories) if of_2017 and category in WEBNLG_UNSEEN],
        "all": list(range(len(categories))),
    }
    scores: dict[str, float] = {}
    all_texts = [*outputs, *(text for texts in references for text in texts)]
    with contextlib.nullcontext() if missing() else captions.meteor_process(all_texts):
        for subset, rows in subsets.items():
            if rows:
                texts = [outputs[i] for i in rows], [references[i] for i in rows]
                found = webnlg(*texts, rules, extra_empty_item=extra_empty_item)
                scores |= {f"{metric}_{subset}": value for metric, value in found.items()}
    return scores


def split_words(text: str) -> str:
    """Every non-word character a word of its own, single blanks between words."""
    return " ".join(re.sub(r"(\W)", r" \1 ", text).split())


def _prepared(text: str) -> str:
    """A text as GenerationEval is given it: lowercased, every non-word character a word."""
    return split_words(text.lower())


E2E: Mapping[str, Metric] = by_name(
    [
        mteval.e2e_bleu(),
        Metric("nist", "NIST", unit=""),
        Metric("meteor", "METEOR"),
        Metric("rouge_l", "ROUGE-L"),
        Metric("cider", "CIDEr", unit=""),
    ]
)
WEBNLG: Mapping[str, Metric] = by_name(
    [
        bleu.metric("bleu", "BLEU", _prepared, bleu.plain, GENERATION_EVAL_REFERENCES),
        Metric("ter", "TER", unit="edits per word", higher_is_better=False),
        Metric("meteor", "METEOR"),
        Metric("chrf++", "chrF++"),
    ]
)


def of_subset(metric: Metric, subset: str) -> Metric:
    """The metric over the seen, the unseen or all categories. Only over all of them do a split's rows give it."""
    named = replace(metric, name=f"{metric.name}_{subset}", label=f"{metric.label} {subset}")
    return named if subset == "all" else replace(named, per_row=None, aggregate=None)


WEBNLG_BY_SUBSET: Mapping[str, Metric] = by_name(
    [of_subset(metric, subset) for metric in WEBNLG.values() for subset in WEBNLG_SUBSETS]
)


def _generation_eval(outputs: Sequence[str], references: Texts, extra_empty_item: bool) -> dict[str, float]:
    """GenerationEval on prepared text. LoRA fills up missing references with the first one, which
    changes none of these metrics, so they stay missing."""
    from sacrebleu.metrics.chrf import CHRF

    streams, chrf = ter.streams(references, fill=None), cast(Any, CHRF(word_order=2, eps_smoothing=True))
    words = [_CONTRACTION.sub(r"\g<0> ", text) for text in outputs]
    reference_words = [[_CONTRACTION.sub(r"\g<0> ", text) for text in texts] for texts in references]
    error_rate = ter.sentence_mean(words, reference_words)
    if extra_empty_item:
        error_rate = (error_rate * len(outputs) + 1) / (len(outputs) + 1)
    scores = {
        "bleu": float(bleu.plain(bleu.counts(outputs, references).sum(0))),
        "ter": error_rate,
        "chrf++": float(chrf.corpus_score(outputs, streams).score),
    }
    if not missing():
        scores["meteor"] = captions.meteor(words, reference_words)
    return scores


def _challenge_2017(outputs: Sequence[str], references: Texts) -> dict[str, float]:
    """``multi-bleu.perl -lc``, tercom and METEOR on ASCII, with the first three references."""
    from sacrebleu.metrics.bleu import BLEU

    ascii_of = _unidecode()
    outputs = [split_words(ascii_of(ascii_of(text).lower())) for text in outputs]
    references = [[ascii_of(split_words(text).lower()) for text in texts[:3]] for texts in references]
    # Its files have an empty line for a missing reference, and BLEU counts its length of 0.
    scorer: Any = BLEU(lowercase=True, tokenize="none", smooth_method="none", force=True)
    scores = {
        "bleu": scorer.corpus_score(outputs, ter.streams(references, fill="")).score,
        "ter": ter.corpus(outputs, references),
    }
    if not missing():
        scores["meteor"] = captions.meteor(outputs, references)
    return scores


def _unidecode() -> Callable[[str], str]:
    try:
        from unidecode import unidecode  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UserError("the rules of the 2017 WebNLG challenge need unidecode: pip install unidecode") from None
    return cast(Callable[[str], str], unidecode)
