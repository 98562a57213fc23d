"""The nearest valid choice to a mistyped word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, options: Iterable[str]) -> str:
    """The option most like `word` (letters in common, in order); a shared last part of a dotted key counts first."""
    options = list(options)
    last = word.rsplit(".", 1)[-1]

    def likeness(option: str) -> tuple[float, float]:
        whole = difflib.SequenceMatcher(None, word.lower(), option.lower()).ratio()
        part = difflib.SequenceMatcher(None, last.lower(), option.rsplit(".", 1)[-1].lower()).ratio()
        return (max(whole, part), whole)

    return max(options, key=likeness) if options else "(none)"
