"""Tokens of a text that follows another, for tokenizers that begin every text as if a blank stood before it. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Encode = Callable[[str], Sequence[int]]  # without special tokens
Decode = Callable[[Sequence[int]], str]

# What may stand before it: each a token of its own in most vocabularies, whatever follows. A line's end is none to those that lose it.
BEFORE = ("\n", ":", ".", "a")
BLANKS = ("▁", "Ġ")  # a blank in a token's name, of sentencepiece and of byte-level vocabularies


def begins_with_blank(names: Sequence[str]) -> bool:
    """Whether a blank is put before every text, by the names of the tokens of "a b"."""
    return bool(names) and names[0].startswith(BLANKS)


def following(encode: Encode, decode: Decode, text: str) -> list[int]:
    """The tokens of `text` behind another text; those of a text of its own where none of `BEFORE` stands apart from it."""
    for before in BEFORE:
        alone, together = list(encode(before)), list(encode(before + text))
        apart = len(together) > len(alone) > 0 and together[: len(alone)] == alone
        if apart and decode(alone).strip(" ") == before:
            return together[len(alone) :]
    return list(encode(text))
