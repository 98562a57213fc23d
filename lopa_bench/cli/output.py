"""Where a command's text goes: the terminal, or the file that was named."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from lopa_bench.host.files import make_folder, write_text
from lopa_bench.host.terminal import say, say_json, write

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def give(text: str, output: Path | None, format_: str = "") -> None:
    """Print `text`, which is JSON where `format_` says so, or write it to `output` and print that name."""
    if output is None:
        say_json(text) if format_ == "json" else write(text, sys.stdout)
        return
    make_folder(output.parent)
    write_text(output, STYLE.sub("", text))  # a terminal's colours are none of a file's
    say(output)
