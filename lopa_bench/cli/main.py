"""The command line: dispatches to the subcommands, the files of this folder. Imports no torch until a run starts."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Sequence

import lopa_bench
from lopa_bench.cli import help
from lopa_bench.cli.options import takes_overrides
from lopa_bench.config.files import plugins
from lopa_bench.config.nearest import hint
from lopa_bench.errors import UserError
from lopa_bench.host import signals
from lopa_bench.host.faults import Unforeseen, Unreadable, is_unreadable
from lopa_bench.host.processes import is_main, report
from lopa_bench.host.terminal import drop, prepare_streams, say

HELP = {"-h", "--help"}
MAKE_RUNS = {"run", "reproduce", "grid"}
OWN_CONF = re.compile(r"(--)?conf\.path=")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``lopa-bench``; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    try:
        with signals.raised(), _own_conf(argv):
            return _answer(argv)
    except UserError as error:
        return report(error)
    except KeyboardInterrupt as interruption:
        if is_main():
            makes_none = bool(argv) and argv[0] in help.commands() and argv[0] not in MAKE_RUNS
            way_on = "" if makes_none else "; the same command goes on from the last checkpoint"
            say(f"lopa-bench: interrupted{way_on}", error=True)
        return getattr(interruption, "exit_status", 130)
    except BrokenPipeError:  # of a library's own print
        drop(sys.stdout)
        return 0
    except Exception as error:
        return report(Unreadable(error) if is_unreadable(error) else Unforeseen(error, plugins().values()))


def _answer(argv: list[str]) -> int:
    """What the words ask for: help, the version, a subcommand, or, as key=value words and Hydra's flags do, a run."""
    if argv == ["--version"]:
        say(f"lopa-bench {lopa_bench.__version__}")
        return 0
    if not argv or argv[0] in HELP:
        say(help.usage())
        return 0
    command, rest = (argv[0], argv[1:]) if argv[0] in help.commands() else ("run", argv)
    if command == "run" and not argv[0].startswith(("-", "~", "+")) and "=" not in argv[0] and argv[0] != "run":
        raise UserError(_neither(argv[0]))
    module = help.load(command)
    if not takes_overrides(module.OPTIONS):
        rest = [word for word in rest if not OWN_CONF.match(word)]
    if HELP & set(rest):
        say(help.about(command, module) if command != "run" or argv[0] == "run" else help.usage())
        return 0
    return int(module.main(rest))


def _own_conf(argv: Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """``conf.path=DIR``: one's own YAML is found in `DIR`, whatever the command."""
    if not any(OWN_CONF.match(word) for word in argv):
        return contextlib.nullcontext()
    from lopa_bench.config.files import own_folder, searching

    return searching(own_folder([word.removeprefix("--") for word in argv]))


def _neither(word: str) -> str:
    """A first word that is neither a command nor an override: a command mistyped, a choice without its key, a key without a choice."""
    from lopa_bench.config.files import choices, groups

    if word in groups():
        return f"{word!r} needs a choice, such as {word}={choices(word)[-1]}; lopa-bench list {word} has them all"
    chosen = [f"{group}={word}" for group in groups() if word in choices(group)]
    near = f"; nearest: {chosen[0]}" if chosen else hint(word, help.commands())
    return f"{word!r} is neither a command nor key=value{near or '; lopa-bench help lists the commands'}"
