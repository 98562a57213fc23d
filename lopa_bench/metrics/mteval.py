"""BLEU and NIST of the E2E challenge, where they are computed by NIST's ``mteval-v13a``.

The challenge's scorer (https://github.com/tuetschek/e2e-metrics) has two implementations:

* ``perl``, its default and what the published numbers are: ``mteval-v13a-sig.pl``;
* ``python``, its switch ``-p``, which LoRA and the LOPA paper used.

They count the same n-grams and differ in the ends: which letters are lowercased, what happens to
n-grams without a match, how long a text shorter than the n-gram is, and which reference length
the NIST penalty compares with. Both are reproduced, corner cases included. sacrebleu counts for
BLEU. No package agrees on NIST, so that is here.
"""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from lopa_bench.errors import UserError
from lopa_bench.metrics.bleu import MATCHES, REFERENCE, counts, metric, perl
from lopa_bench.metrics.metric import Floats, Metric

Variant = Literal["perl", "python"]
Tokens = tuple[str, ...]

NIST_ORDER = 5
# The length penalty of NIST is 0.5 for an output of two thirds of the reference length.
NIST_BETA = -math.log(0.5) / math.log(1.5) ** 2

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def bleu(outputs: Sequence[str], references: Sequence[Sequence[str]], variant: Variant = "perl") -> float:
    """Corpus BLEU-4 in percent: 13a tokens, case-insensitive, closest reference length.

    Args:
        outputs: one text per instance.
        references: at least one text per instance; instances may have different numbers.
    """
    lower = _lowercase(variant)
    texts = [lower(text) for text in outputs], [[lower(text) for text in group] for group in references]
    sums = counts(*texts).sum(0)
    if variant == "perl":
        return float(perl(sums))
    return 100 * _python_bleu(sums, [_tokenise(text, variant) for text in outputs])


def e2e_bleu() -> Metric:
    """BLEU as the E2E challenge publishes it: the Perl script's."""
    return metric("bleu", "BLEU", _lowercase("perl"), perl)


def nist(outputs: Sequence[str], references: Sequence[Sequence[str]], variant: Variant = "perl") -> float:
    """Corpus NIST-5 (Doddington 2002), same arguments as :func:`bleu`.

    Raises:
        UserError: no reference has a word.
    """
    tokens = [_tokenise(text, variant) for text in outputs]
    reference_tokens = [[_tokenise(text, variant) for text in texts] for texts in references]
    information = _information(reference_tokens, variant)

    gain = [0.0] * NIST_ORDER
    for output, texts in zip(tokens, reference_tokens, strict=True):
        allowed = Counter[Tokens]()
        for text in texts:
            allowed |= _ngrams(text)  # the largest count in any one reference
        for ngram, count in (_ngrams(output) & allowed).items():
            gain[len(ngram) - 1] += information[ngram] * count
    totals = [_total(tokens, n, variant) for n in range(1, NIST_ORDER + 1)]
    score = sum(g / total for g, total in zip(gain, totals, strict=True) if total)
    length = _reference_length(reference_tokens, variant)
    if not length:
        raise UserError("NIST: no reference has a word")
    return score * _length_penalty(totals[0] / length)


def _python_bleu(sums: Floats, tokens: Sequence[Tokens]) -> float:
    """Close the counts of sacrebleu as ``BLEUScore`` of the Python port does: no zero is exact."""
    totals = [_total(tokens, n, "python") for n in range(1, 5)]
    log_precision = sum(
        math.log(max(matches, 1e-15) / max(total, 1e-9)) for matches, total in zip(sums[MATCHES], totals, strict=True)
    )
    return math.exp(log_precision / 4 + min(0, 1 - sums[REFERENCE] / totals[0]))


def _lowercase(variant: Variant) -> Callable[[str], str]:
    if variant not in get_args(Variant):
        raise UserError(f"mteval variant {variant!r} is not one of {', '.join(get_args(Variant))}")
    # Perl's tr/[A-Z]/[a-z]/ leaves É alone.
    return str.lower if variant == "python" else lambda text: text.translate(_ASCII_LOWER)


def _tokenise(text: str, variant: Variant) -> Tokens:
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    tokenizer: Any = Tokenizer13a  # without types
    tokens = tuple(tokenizer()(_lowercase(variant)(text)).split())
    # In the Python port an empty text is one empty word.
    return tokens or (("",) if variant == "python" else ())


def _ngrams(tokens: Tokens) -> Counter[Tokens]:
    return Counter(tokens[i : i + n] for n in range(1, NIST_ORDER + 1) for i in range(len(tokens) - n + 1))


def _total(tokens: Sequence[Tokens], n: int, variant: Variant) -> int:
    """Number of n-grams; a text too short for one counts below zero in the Python port."""
    lengths = (len(text) - n + 1 for text in tokens)
    return sum(lengths) if variant == "python" else sum(max(0, length) for length in lengths)


def _information(references: Sequence[Sequence[Tokens]], variant: Variant) -> dict[Tokens, float]:
    """Bits that the last word of each n-gram of the references adds to the words before it."""
    counts = Counter[Tokens]()
    for texts in references:
        for text in texts:
            counts.update(_ngrams(text))
    words = sum(len(text) for texts in references for text in texts)
    # The Perl script asks for the truth of the words before, and the string "0" is false in Perl.
    without_history = {(), ("0",)} if variant == "perl" else {()}
    return {
        ngram: math.log2((words if ngram[:-1] in without_history else counts[ngram[:-1]]) / count)
        for ngram, count in counts.items()
    }


def _reference_length(references: Sequence[Sequence[Tokens]], variant: Variant) -> float:
    """Length of the reference side: instances x pooled mean (Perl), or the sum of their means."""
    if variant == "python":
        return sum(sum(map(len, texts)) / len(texts) for texts in references)
    words = sum(len(text) for texts in references for text in texts)
    return words / (sum(map(len, references)) / len(references))


def _length_penalty(ratio: float) -> float:
    if ratio >= 1:
        return 1.0
    return math.exp(-NIST_BETA * math.log(ratio) ** 2) if ratio > 0 else 0.0
