"""METEOR's table of paraphrases cut down to what some texts can use: of all five million, its Java process reads for seconds.

METEOR matches a phrase of one text with its paraphrase in another, so an entry with a phrase that stands in no text changes no
score. Fewer than those are left out: an entry stays if both phrases begin and end with what is somewhere within the texts'
words. Signs other than ASCII letters and digits always are, whatever METEOR's tokeniser makes of them; words it only parts.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
ENDS = " \n"  # of a word in the table
WINDOW = 3  # bytes of a phrase, at its beginning and its end, that are looked at
# Bytes of the table at a time, of which nothing is held but what is kept, gzipped: as a list of lines that is 500 MiB.
CHUNK = 1 << 22
LINES = 3  # of an entry: a probability, a phrase, its paraphrase


def runs(text: str) -> set[str]:
    """The longest stretches of ASCII letters and digits, lowercased."""
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def used_by(text: str, table: Path) -> bytes:
    """The entries of a gzipped table, in their order, that METEOR can use on `text`, all texts that are scored in one. Gzipped."""
    words = runs(text)
    first, last = _known(words), _known({word[::-1] for word in words})
    found = io.BytesIO()
    with gzip.GzipFile(fileobj=found, mode="wb", compresslevel=1, mtime=0) as file:
        for entries in _entries(table):
            file.write(b"".join(_kept(*entries, first, last)))
    return found.getvalue()


def _known(words: set[str]) -> NDArray[np.bool_]:
    """For three bytes in a row, the first the lowest of the index, whether they may begin a word that is a part of one of these."""
    inside = {word[i : i + n] for word in words for n in range(1, WINDOW + 1) for i in range(len(word) - n + 1)}
    known = np.ones((256,) * WINDOW, dtype=np.bool_)  # by the last, second and first byte
    code = {sign: ord(sign) for sign in SIGNS + ENDS}
    for a in SIGNS:
        for end in ENDS:
            known[:, code[end], code[a]] = a in inside
        for b in SIGNS:
            for end in ENDS:
                known[code[end], code[b], code[a]] = a + b in inside
    for a, b, c in product(SIGNS, repeat=WINDOW):
        known[code[c], code[b], code[a]] = a + b + c in inside
    return known.ravel()


def _entries(table: Path) -> Iterator[tuple[bytes, NDArray[np.int64]]]:
    """The table in pieces of whole entries, and where in a piece each line of each entry ends: [entries, LINES]."""
    rest = b""
    with gzip.open(table, "rb") as file:
        while part := file.read(CHUNK):
            rest += part
            newlines = np.flatnonzero(np.frombuffer(rest, np.uint8) == ord("\n"))
            ends = newlines[: len(newlines) // LINES * LINES].reshape(-1, LINES)
            if len(ends):
                yield rest, ends
                rest = rest[ends[-1, -1] + 1 :]


def _kept(text: bytes, ends: NDArray[np.int64], first: NDArray[np.bool_], last: NDArray[np.bool_]) -> Iterator[bytes]:
    """Those entries whose phrases begin and end with what is known."""
    signs, left = np.frombuffer(text + bytes(WINDOW), np.uint8), np.arange(len(ends))
    for line in (1, 2):
        begin, end = ends[left, line - 1] + 1, ends[left, line]
        left = left[first[_window(signs, begin, 1)] & last[_window(signs, end - 1, -1)]]
    starts = np.concatenate([[0], ends[:-1, -1] + 1])[left]
    for start, end in zip(starts.tolist(), ends[left, -1].tolist(), strict=True):
        yield text[start : end + 1]


def _window(signs: NDArray[np.uint8], at: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Index of `_known`: the bytes there and at the next two places in the direction of `step`."""
    found = np.zeros(len(at), dtype=np.int64)
    for i in range(WINDOW):
        found |= signs[at + i * step].astype(np.int64) << (8 * i)
    return found
