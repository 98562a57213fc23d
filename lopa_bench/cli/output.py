"""Where a command's text goes: the terminal, or the file that was named."""

from __future__ import annotations

import sys
from pathlib import Path

from lopa_bench.host.files import make_folder, write_text
from lopa_bench.host.terminal import say, write


def give(text: str, output: Path | None) -> None:
    """Print `text`, or write it to `output` and print that name."""
    if output is None:
        write(text, sys.stdout)
        return
    make_folder(output.parent)
    write_text(output, text)
    say(output)
