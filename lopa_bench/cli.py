"""The command line: subcommands by name, everything else is a Hydra run. Imports no torch until a run starts."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from lopa_bench.errors import UserError

# name -> (module:function, one line for --help); imported when called.
COMMANDS = {
    "list": ("lopa_bench.catalogue:main", "models, methods, tasks, scales, recipes and experiments, one line each"),
    "report": ("lopa_bench.report.cli:main", "the paper's tables, claims and figures from finished runs"),
    "compare": ("lopa_bench.report.cli:compare_main", "two runs: a paired test and the examples that flip"),
}

USAGE = """\
lopa-bench: reproduce Low-Rank Prompt Adaptation (LOPA, NeurIPS 2024) and go past it

usage: lopa-bench [key=value …]             one run, e.g. lopa-bench task=rte method=lopa
       lopa-bench -m key=v1,v2 …            a sweep over all combinations
       lopa-bench --cfg job [--resolve] …   print the composed config and stop
       lopa-bench COMMAND [--help]

commands:
{commands}

often used keys (all of them: lopa-bench --cfg job):
  scale=mini|paper     mini: embedded model and data, no network (default)
  task= method= model= recipe=              see lopa-bench list
  seed=0  results_dir=results  force=true   run again although the result is there
  data.source=mini|files|hub  data.dir=DIR  data.limit=N (rows per split)
  train.epochs= train.batch_size= train.lr=
  method.rank= method.num_virtual_tokens= method.freeze_encoder=
  model=local model.path=DIR                any Hugging Face folder
  selection=holdout|paper|last              which epoch is kept

exit status: 0 done, 1 a run failed, 2 bad input, 3 the loss diverged. LOPA_DEBUG=1 shows tracebacks.
"""

# Hydra's own flags that answer without running anything.
_HYDRA_QUERIES = {
    "--cfg",
    "-c",
    "--info",
    "-i",
    "--hydra-help",
    "--version",
    "--install-completion",
    "-sc",
    "--shell-completion",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``lopa-bench``; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv and argv[0] in COMMANDS:
            return _load(COMMANDS[argv[0]][0])(argv[1:])
        if {"--help", "-h"} & set(argv):
            print(usage())
            return 0
        return _hydra(argv)
    except UserError as error:
        return report(error)
    except KeyboardInterrupt:
        print("lopa-bench: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    except BrokenPipeError:  # e.g. `lopa-bench list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def usage() -> str:
    width = max(map(len, COMMANDS))
    return USAGE.format(commands="\n".join(f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()))


def report(error: UserError) -> int:
    """Print one line (with ``LOPA_DEBUG=1`` the traceback before it) and return the error's exit status."""
    if os.environ.get("LOPA_DEBUG") == "1":
        traceback.print_exception(error)
    print(f"lopa-bench: error: {error}", file=sys.stderr)
    return error.exit_status


def _load(target: str) -> Any:
    module, function = target.split(":")
    return getattr(importlib.import_module(module), function)


def _hydra(argv: list[str]) -> int:
    """Check the overrides, then hand over to Hydra."""
    import hydra

    from lopa_bench.config import conf_dir
    from lopa_bench.overrides import check

    overrides = [arg for arg in argv if not arg.startswith("-")]
    multirun = bool({"-m", "--multirun"} & set(argv))
    if not _HYDRA_QUERIES & set(argv):
        _check_words(argv)
        check(overrides, multirun)
    sys.argv = [sys.argv[0], *argv]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_job)()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    return 0


def _check_words(argv: list[str]) -> None:
    """A first word that is no override may be a mistyped command."""
    from lopa_bench.suggest import nearest

    if argv and "=" not in argv[0] and not argv[0].startswith(("-", "~", "+")):
        raise UserError(f"{argv[0]!r} is neither a command nor key=value; nearest: {nearest(argv[0], COMMANDS)}")


def _job(composed: Any) -> None:
    """One Hydra job: run it and show its table. Ends the process with the error's status in a single run."""
    from lopa_bench.config import build_config
    from lopa_bench.summary import print_outcome

    try:
        config = build_config(composed)
        from lopa_bench.run import run

        print_outcome(config, run(config))
    except UserError as error:
        sys.exit(report(error))


if __name__ == "__main__":
    sys.exit(main())
