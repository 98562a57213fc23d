"""Texts into tokens and back, for whatever tokenizer a model comes with."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from transformers import AutoTokenizer

from lopa_bench.config.fields import Kind
from lopa_bench.config.marks import BOS, MASK, spelt
from lopa_bench.errors import UserError
from lopa_bench.models.following import begins_with_blank, following
from lopa_bench.models.hub import loading

CODE = "def f(a):\n    if a:\n        return a\n    return 0\n"


def load_tokenizer(
    source: str, *, key: str = "model.path", rows: int | None = None, own_code: str | None = None, **options: Any
) -> Any:
    """A model's tokenizer; where it has nothing to pad with, its end token does that.

    Args:
        rows: of the model's embedding table, if that is known.
        own_code: the file of modelling code that came with the model, if any, which transformers runs to find the tokenizer.

    Raises:
        UserError: a tokenizer that does not load, has no vocabulary or another model's, or names neither a pad nor an end token.
    """
    named = f"{key}={source}"
    with loading(named, own_code):
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        one, other = tokenizer(["a red cat", "two blue dogs ."])["input_ids"]
        largest = max(tokenizer.get_vocab().values(), default=0)
    if one == other:
        raise UserError(f"{named}: its tokenizer makes the same tokens of all texts; save the model's own there")
    if rows is not None and largest >= rows:
        raise UserError(
            f"{named}: its tokenizer has token {largest}, the model's embeddings have {rows} rows; save the model's own there"
        )
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise _lacks(named, "pad")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def check_special(tokenizer: Any, kind: Kind, source: str) -> None:
    """Raise `UserError` where a masked LM's tokenizer names no mask token, or a causal LM's no end token."""
    needed = "mask" if kind == "masked" else "eos"
    if getattr(tokenizer, f"{needed}_token_id") is None:
        raise _lacks(source, needed)


def _lacks(source: str, needed: str) -> UserError:
    return UserError(
        f'{source}: its tokenizer names no {needed} token; name it in tokenizer_config.json ("{needed}_token": "…")'
    )


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
    """The one token of a label word after a text. Raises `UserError` if it is several, or none that the vocabulary has."""
    ids = completion_ids(tokenizer, word)
    if len(ids) != 1:
        raise UserError(
            f"label word {word!r} is {len(ids)} tokens in this model's vocabulary; a label word must be one"
        )
    if ids[0] == tokenizer.unk_token_id:
        raise UserError(f"label word {word!r} is no token of this model's vocabulary; take another")
    return ids[0]


def cloze_ids(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[array[int]]:
    """Tokenised clozes with the tokenizer's mask token, once each, cut to `max_length`.

    A mask lost to truncation is written over the last token before the end token, as in the authors' code.
    """
    tokenizer.truncation_side = "right"
    encoded = token_ids(tokenizer, [masked(tokenizer, t) for t in texts], truncation=True, max_length=max_length)
    for ids in encoded:
        if tokenizer.mask_token_id not in ids:
            ids[-1 - closing(tokenizer)] = tokenizer.mask_token_id
    return encoded


def masked(tokenizer: Any, text: str) -> str:
    """The cloze with the tokenizer's mask token in its gap; where the text itself spells that token, it reads as ordinary words."""
    token = tokenizer.mask_token or ""
    if token and token != MASK and token in text:
        text = text.replace(token, spelt(token))
    return text.replace(MASK, token)


@lru_cache(maxsize=4)
def closing(tokenizer: Any) -> int:
    """How many special tokens are put after a text."""
    whole, plain = tokenizer("a")["input_ids"], tokenizer("a", add_special_tokens=False)["input_ids"]
    starts = [n for n in range(len(whole) - len(plain) + 1) if whole[n : n + len(plain)] == plain]
    return len(whole) - len(plain) - starts[0] if starts else 0


def prompt_ids(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a causal model's input, which is to be continued: no end token closes it, whatever the tokenizer adds to a text.

    Where it says `<bos>` there is that token and no other is added.
    """
    if BOS not in text:
        ids = tokenizer(text)["input_ids"]
        return ids[: len(ids) - closing(tokenizer)]
    text = text.replace(BOS, tokenizer.bos_token or tokenizer.eos_token)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def row_ids(tokenizer: Any, text: str) -> list[int]:
    """`prompt_ids` of a row. Raises `UserError` for a text of which the vocabulary has nothing, behind which nothing can be read."""
    ids = prompt_ids(tokenizer, text)
    if not ids:
        raise UserError(
            f"model.path={tokenizer.name_or_path}: its vocabulary has nothing of the text {text[:40]!r}; leave that row out"
        )
    return ids


def completion_ids(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a text that follows another."""

    def encode(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    return following(encode, tokenizer.decode, text) if adds_blank(tokenizer) else encode(text)


@lru_cache(maxsize=4)
def adds_blank(tokenizer: Any) -> bool:
    """Whether a blank is put before every text and taken from every decoded one, as sentencepiece does (Llama 2, Phi-3).

    What follows a prompt must then not be taken for a text: a program's first line would be read and written one blank off.
    """
    return begins_with_blank(tokenizer.convert_ids_to_tokens(tokenizer("a b", add_special_tokens=False)["input_ids"]))


def check_blanks(tokenizer: Any, source: str, texts: Sequence[str] = (CODE,)) -> None:
    """Raise `UserError` where one of `texts`, as the model would write it, comes back without its blanks, line ends or indentation.

    WordPiece and sentencepiece's nmt_nfkc lose them by design; transformers 5.10 lost DeepSeek-Coder's (huggingface/transformers#46489).
    """
    for text in texts:
        back = _written(tokenizer, text)
        if layout(back) != layout(text):
            raise UserError(
                f"model.path={source}: its tokenizer loses blanks, line ends or indentation: {text[:40]!r} comes back as {back[:40]!r}; "
                "take a model with a byte-level tokenizer, or if it should have one, pip install -U transformers"
            )


def check_targets(tokenizer: Any, source: str, texts: Sequence[str]) -> None:
    """Raise `UserError` where one of `texts`, as the model would write it, has other words: their capitals or some of their signs are lost.

    A normal form of Unicode is no loss.
    """
    for text in texts:
        back = _written(tokenizer, text)
        if _words(back) != _words(text):
            raise UserError(
                f"model.path={source}: its tokenizer cannot write the target {text[:40]!r}, which comes back as {back[:40]!r}; "
                "change the targets, or take another model"
            )


def _written(tokenizer: Any, text: str) -> str:
    """`text` as a model would write it: into tokens and back."""
    ids = list(completion_ids(tokenizer, text))
    return new_text(tokenizer, ids, len(ids), [])


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFKC", text).split()


def layout(text: str) -> tuple[bool, list[int]]:
    """Whether there is any blank within a text, and if it has several lines, their indentations."""
    lines = text.rstrip().split("\n")
    return len(text.split()) > 1, [len(line) - len(line.lstrip()) for line in lines if line.strip()] if lines[
        1:
    ] else []


def encoder_ids(tokenizer: Any, texts: Sequence[str], max_length: int, cut: str) -> list[array[int]]:
    """What an instance encoder reads of the same texts, in its own vocabulary: no mask if it has none, no begin token inside.

    A long text is cut at the side `cut`, "left" or "right". Of a text without tokens it reads its begin token, else its end token.
    """
    words = [masked(tokenizer, text).replace(BOS, "") for text in texts]
    tokenizer.truncation_side = cut
    nothing = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    read = token_ids(tokenizer, words, truncation=True, max_length=max_length)
    return [ids or array("i", [tokenizer.pad_token_id if nothing is None else nothing]) for ids in read]


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


def is_ended(tokenizer: Any, ids: list[int], budget: int, stop_words: list[str]) -> bool:
    """Whether a row's new tokens came to an end token or a stop word before its `budget` was spent."""
    if len(ids) < budget or tokenizer.eos_token_id in ids[:budget]:
        return True
    text = new_text(tokenizer, ids, budget, [])
    return any(word in text for word in stop_words)
