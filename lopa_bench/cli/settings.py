"""``lopa-bench settings``: every setting of a run, its value, and what it is."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lopa_bench.cli import words
from lopa_bench.cli.options import option, overrides
from lopa_bench.host.terminal import add_row, say, show, table

SUMMARY = "every setting of a run: its value under these words, and what it is"
DETAILS = """\
Each can be told as KEY=VALUE, spelled as here; what it is, is the comment beside it in conf/. lopa-bench list has the choices."""
EXAMPLE = "lopa-bench settings task=e2e method=prefix_tuning"
SHOWN = ("method", "task", "model", "train", "data", "models", "generation", "tracker", "sandbox")  # sections


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    json: bool = option("one list of objects for machines", False)
    overrides: tuple[str, ...] = overrides()


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    from lopa_bench.config.comments import of_config
    from lopa_bench.config.compose import load_config
    from lopa_bench.config.keys import key_of
    from lopa_bench.config.quoting import override

    options = words.read(Options, argv, "settings")
    given = words.run_overrides(options.overrides)
    config = load_config(given)
    chosen = {"method": config.method.name, "task": config.task.name, "model": config.model.name}
    notes = of_config({**{key_of(word): word.partition("=")[2] for word in given}, **chosen})
    found = [(key, value, notes.get(key, "")) for key, value in _settings(config.resolved)]
    if options.json:
        say(json.dumps([dict(zip(("key", "value", "note"), line, strict=True)) for line in found], indent=1))
        return 0
    if not sys.stdout.isatty():  # a line a setting, for grep
        say(*(f"{override(key, value)}{note and f'  # {note}'}" for key, value, note in found))
        return 0
    lines = table("setting", "value", "what it is", left=3, box=None)
    for key, value, note in found:
        add_row(lines, (key, override(key, value).partition("=")[2], note))
    show(lines)
    return 0


def _settings(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted keys and values: those at the top, then those of `SHOWN`, classes and names left out, which are chosen."""
    yield from ((key, value) for key, value in values.items() if not isinstance(value, Mapping))
    for section in SHOWN:
        for name, value in (values.get(section) or {}).items():
            if name not in ("_target_", "name"):
                yield f"{section}.{name}", value
