"""Texts into tokens and back, for whatever tokenizer a model comes with."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from transformers import AutoTokenizer

from lopa_bench.errors import UserError
from lopa_bench.tasks.base import BOS
from lopa_bench.tasks.glue import MASK


def load_tokenizer(source: str, **options: Any) -> Any:
    """A model's tokenizer; where it has nothing to pad with, its end token does that."""
    tokenizer = AutoTokenizer.from_pretrained(source, **options)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def token_ids(tokenizer: Any, texts: Sequence[str], **options: Any) -> list[array[int]]:
    """Tokens of every text, in arrays of four bytes each, since a list of Python's numbers takes 36.

    A thousand texts at a time: what a tokenizer tells beside the numbers takes four times their memory.
    """
    return [
        array("i", ids)
        for start in range(0, len(texts), 1000)
        for ids in tokenizer(texts[start : start + 1000], **options)["input_ids"]
    ]


def word_id(tokenizer: Any, word: str) -> int:
    """The one token of a label word. Raises `UserError` if it is several."""
    ids = tokenizer.encode(word, add_special_tokens=False)
    if len(ids) != 1:
        raise UserError(
            f"label word {word!r} is {len(ids)} tokens in this model's vocabulary; a label word must be one"
        )
    return ids[0]


def cloze_ids(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[array[int]]:
    """Tokenised clozes with the tokenizer's mask token, cut to `max_length`.

    A mask lost to truncation is written over the last token before the end token, as in the authors' code.
    """
    masked = [text.replace(MASK, tokenizer.mask_token) for text in texts]
    encoded = token_ids(tokenizer, masked, truncation=True, max_length=max_length)
    for ids in encoded:
        if tokenizer.mask_token_id not in ids:
            ids[-2] = tokenizer.mask_token_id
    return encoded


def prompt_ids(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a causal model's input. Where it says `<bos>` there is that token and no other is added."""
    if BOS not in text:
        return tokenizer(text)["input_ids"]
    text = text.replace(BOS, tokenizer.bos_token or tokenizer.eos_token)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def completion_ids(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a text that follows another."""
    if not adds_blank(tokenizer):
        return tokenizer(text, add_special_tokens=False)["input_ids"]
    before = tokenizer("\n", add_special_tokens=False)["input_ids"]  # a token of its own, whatever follows
    return tokenizer("\n" + text, add_special_tokens=False)["input_ids"][len(before) :]


@lru_cache(maxsize=4)
def adds_blank(tokenizer: Any) -> bool:
    """Whether a blank is put before every text and taken from every decoded one, as sentencepiece does (Llama 2, Phi-3).

    What follows a prompt must then not be taken for a text: a program's first line would be read and written one blank off.
    """
    (first, *_) = tokenizer("a b", add_special_tokens=False)["input_ids"]
    return tokenizer.convert_ids_to_tokens(first).startswith("▁")


def check_blanks(tokenizer: Any, source: str) -> None:
    """Raises UserError where blanks get lost, as transformers 5.10 loses DeepSeek-Coder's (huggingface/transformers#46489)."""
    text = "def f(a):\n    return a"
    if not any(map(str.isspace, tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]))):
        raise UserError(
            f"model.path={source}: its tokenizer loses blanks with this version of transformers; pip install -U transformers"
        )


def encoder_ids(tokenizer: Any, texts: Sequence[str], max_length: int, cut: str) -> list[array[int]]:
    """What an instance encoder reads of the same texts, in its own vocabulary: no mask if it has none, no begin token inside.

    A long text is cut at the side `cut`, "left" or "right".
    """
    words = [text.replace(MASK, tokenizer.mask_token or "").replace(BOS, "") for text in texts]
    tokenizer.truncation_side = cut
    return token_ids(tokenizer, words, truncation=True, max_length=max_length)


def new_text(tokenizer: Any, ids: list[int], budget: int, stop_words: list[str]) -> str:
    """The text of a row's new tokens: at most `budget` of them, up to the end token and the first stop word."""
    ids = ids[:budget]
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    before = tokenizer("a", add_special_tokens=False)["input_ids"] if adds_blank(tokenizer) else []
    text = tokenizer.decode([*before, *ids], **options)[len(tokenizer.decode(before, **options)) :]
    ends = [position for word in stop_words if (position := text.find(word)) >= 0]
    return text[: min(ends, default=len(text))]
