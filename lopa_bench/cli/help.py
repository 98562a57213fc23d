"""``lopa-bench help [COMMAND]``: every subcommand in a line, or one subcommand's options."""

from __future__ import annotations

import dataclasses
import importlib
import re
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from lopa_bench.cli import words
from lopa_bench.cli.options import Choice, Option, option, options_of
from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import say

SUMMARY = "this text, or a command's options, each in both spellings"
EXAMPLE = "lopa-bench help report"
USAGE = """\
lopa-bench: reproduce Low-Rank Prompt Adaptation (LOPA, NeurIPS 2024) and go past it

usage: lopa-bench [run] key=value …         one run, e.g. lopa-bench task=rte method=lopa
       lopa-bench -m key=v1,v2 …            a sweep over all combinations
       lopa-bench --cfg job [--resolve] …   print the composed config and stop
       lopa-bench COMMAND [--help]

commands (every option is name=value or --name value):
{commands}

often used keys (all of them: lopa-bench settings):
  scale=mini|small|paper                    mini: embedded model and data, no network (default)
  task= method= model= recipe=              see lopa-bench list
  seed=0  results_dir=runs  force=true   run again although the result is there
  data.source=mini|mini_fresh|files|hub  data.dir=DIR  data.limit=N (rows per split)
  train.epochs= train.batch_size= train.lr=
  method.rank= method.num_virtual_tokens= method.freeze_encoder=
  model=local model.path=DIR                any Hugging Face folder
  conf.path=DIR                             YAML of your own, with every command (docs/adding.md)
  selection=holdout|paper|last              which epoch is kept

exit status: 0 done, 1 a run failed, 2 bad input, 3 the loss diverged. LOPA_DEBUG=1 shows tracebacks.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    command: str | None = option("the command", None, shown="COMMAND", bare=True)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    command = words.read(Options, argv, "help").command
    if command is None:
        say(usage())
        return 0
    if command not in commands():
        raise UserError(f"help: {not_one_of('command', command, commands())}")
    say(about(command, load(command)))
    return 0


@cache
def commands() -> dict[str, str]:
    """The subcommands with their SUMMARY: the files beside this one that have one, read as text, for importing all would take long."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if summary := re.search(r'^SUMMARY = "(.*)"$', path.read_text(encoding="utf-8"), re.MULTILINE):
            found[path.stem] = summary[1]
    return found


def load(command: str) -> Any:
    """The module of a subcommand."""
    return importlib.import_module(f"lopa_bench.cli.{command}")


def usage() -> str:
    """The help of ``lopa-bench`` itself."""
    width = max(map(len, commands()))
    return USAGE.format(commands="\n".join(f"  {name:<{width}}  {line}" for name, line in commands().items())).rstrip()


def about(command: str, module: ModuleType) -> str:
    """The help of one subcommand: what it does, each option in both spellings, an example."""
    declared = module.OPTIONS
    lines = [f"lopa-bench {command}: {module.SUMMARY}"]
    if details := getattr(module, "DETAILS", ""):
        lines += ["", details.rstrip()]
    if isinstance(declared, Choice):
        kinds = {chosen: options_of(kind) for chosen, kind in declared.options.items()}
        first = next(iter(kinds.values()))
        shared = [one for one in first if all(one in options for options in kinds.values())]
        for chosen, options in kinds.items():
            default = f" (or lopa-bench {command} …)" if chosen == declared.default else ""
            own = [one for one in options if one not in shared]
            lines += ["", f"usage: lopa-bench {command} {chosen} …{default}", *_described(own)]
        lines += ["", "options of all:", *_described(shared)]
    else:
        options = options_of(declared)
        lines += ["", f"usage: {_usage(command, options)}", *_described(options)]
    return "\n".join([*lines, "", f"example: {module.EXAMPLE}"])


def _usage(command: str, options: Sequence[Option]) -> str:
    """E.g. ``lopa-bench compare RUN_A RUN_B [flips=N] …``."""
    typed = []
    for one in options:
        word = "key=value" if one.takes_overrides else one.details.shown if one.details.bare else one.spelling
        if one.many:
            word += " …"
        typed.append(word if one.needed else f"[{word}]")
    return " ".join(["lopa-bench", command, *typed])


def _described(options: Sequence[Option]) -> Iterator[str]:
    """Each option's spellings and, below them, what it is."""
    for one in options:
        yield "  " + ("key=value …" if one.takes_overrides else f"{one.spelling}   {_dashed(one)}")
        yield textwrap.fill(_explained(one), 110, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _dashed(one: Option) -> str:
    name = one.name.replace("_", "-")
    short = f"-{one.details.short}, " if one.details.short else ""
    if one.kind is bool:
        return f"{short}--{'no-' if one.default is True else ''}{name}"
    return f"{short}--{name} {one.spelling.partition('=')[2]}"


def _explained(one: Option) -> str:
    text = one.details.help
    if one.details.choices:
        text += f": {', '.join(one.choices or ())}"
    if one.needed:
        return text + " (needed)"
    if one.kind is bool or one.default in (None, ()):
        return text
    return f"{text} (default: {one.default})"
