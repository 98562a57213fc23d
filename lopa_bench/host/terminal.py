"""What reaches the terminal: text from files without its control characters, on streams that may be ASCII only, closed or cut off."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from lopa_bench.errors import RunFailed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

T = TypeVar("T")

# How our own signs are written where the terminal has ASCII only; any other character becomes its escape.
IN_ASCII = {
    "–": "-",
    "—": "-",
    "−": "-",
    "·": "|",
    "…": "...",
    "×": "x",
    "→": "->",
    "±": "+-",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
}


# Beside the control characters proper: signs that turn the direction of the text or end the line.
TURNING = set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: object, keep: str = "\n\t") -> str:
    r"""The text with each control character (ESC, carriage return, the C1 set, half a surrogate pair …) as its escape, ``\u001b``.

    All text from a user's files goes through here on its way to a terminal, which would otherwise obey it. The escapes are JSON's,
    so that JSON stays JSON.
    """
    return "".join(
        f"\\u{ord(sign):04x}"
        if sign not in keep and (sign in TURNING or unicodedata.category(sign) in ("Cc", "Cs"))
        else sign
        for sign in str(text)
    )


def say(*lines: object, error: bool = False) -> None:
    """Print each of `lines` as `printable`, at once, to standard output or error."""
    write("".join(f"{printable(line)}\n" for line in lines), sys.stderr if error else sys.stdout)


def show(*parts: object, width: int | None = None) -> None:
    """Print rich tables (their cells made by `add_row`) and lines; boxes are ASCII where the stream is."""
    page = _Page()
    screen = console(width, file=page, force_terminal=sys.stdout.isatty())
    for part in parts:
        screen.print(printable(part) if isinstance(part, str) else part, soft_wrap=isinstance(part, str))
    write(page.getvalue(), sys.stdout)


class _Page(io.StringIO):
    """Text on its way to standard output: rich draws with the signs that can be written there."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return sys.stdout.encoding or "utf-8"


def say_json(text: str) -> None:
    """Print JSON, or lines of it, `printable`; what standard output cannot show in JSON's escapes too, which change no text."""
    text = printable(text)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = re.sub(r"[^\x00-\x7f]", lambda sign: json.dumps(sign[0])[1:-1], text)
    write(text, sys.stdout)


def write(text: str, stream: TextIO) -> None:
    """Write to a stream. Whoever reads it may go (``| head``): the work goes on. That it cannot be written is an error.

    Raises:
        RunFailed: e.g. a full disk behind ``>``.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        drop(stream)
    except OSError as problem:
        drop(stream)
        raise RunFailed(f"the output cannot be written ({problem.strerror})") from problem


def drop(stream: TextIO) -> None:
    """Let what was and will be written to the stream go nowhere, so that Python does not stumble over it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def console(width: int | None = None, **more: Any) -> Console:
    """A rich console for text that is not markup; its boxes are ASCII where the stream is."""
    from rich.console import Console

    return Console(width=width, highlight=False, markup=False, emoji=False, **more)


def with_bar(things: Iterable[T], words: str, total: int) -> Iterator[T]:
    """The things one by one, with a bar on standard error where that is a terminal: for work of more than a few seconds."""
    from rich.progress import track

    screen = console(stderr=True)
    return iter(track(things, words, total, console=screen, transient=True, disable=not screen.is_terminal))


def table(*headings: str, left: int = 1, title: str | None = None, **style: Any) -> Table:
    """An empty table whose first `left` columns are text and the others numbers."""
    from rich.table import Table

    made = Table(title=title and printable(title), title_justify="left", pad_edge=False, **style)
    for place, heading in enumerate(headings):
        made.add_column(heading, justify="left" if place < left else "right", overflow="fold")
    return made


def add_row(to: Table, cells: Sequence[object]) -> None:
    """Add a row of `printable` cells."""
    to.add_row(*(printable(cell) for cell in cells))


def prepare_streams() -> None:
    """Let no character and no closed stream of standard output and error end a run: what cannot be shown is escaped or dropped."""
    codecs.register_error("lopa-bench", _spelled)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the shell's >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="lopa-bench")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(IN_ASCII.get(sign) or sign.encode("unicode_escape").decode() for sign in signs), error.end
