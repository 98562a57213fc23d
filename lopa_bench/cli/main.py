"""The command line: subcommands by name, everything else is a Hydra run. Imports no torch until a run starts."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.errors import UserError
from lopa_bench.host import signals
from lopa_bench.host.processes import is_main

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config
    from lopa_bench.run.story import Outcome

# name -> (module:function, one line for --help); imported when called.
COMMANDS = {
    "fetch": ("lopa_bench.cli.fetch:main", "download the data files that tasks read, checked and resumed"),
    "list": ("lopa_bench.cli.list:main", "models, methods, tasks, scales, recipes and tables, one line each"),
    "doctor": (
        "lopa_bench.cli.doctor:main",
        "what this machine has, and whether a run (its overrides) fits on it; each lack with its fix",
    ),
    "plan": ("lopa_bench.cli.plan:main", "experiment=TABLE: its runs, GPU-hours and memory before anything starts"),
    "status": ("lopa_bench.cli.status:main", "what is done, running, failed and waiting below a results folder"),
    "report": ("lopa_bench.cli.report:main", "the paper's tables, claims and figures from finished runs"),
    "compare": ("lopa_bench.cli.report:compare_main", "two runs: a paired test and the examples that flip"),
    "params": ("lopa_bench.cli.params:main", "the paper's parameter counts beside ours, without any weights"),
    "export": ("lopa_bench.cli.export:main", "run=DIR to=DIR: a run's adapter or prompt for use elsewhere"),
    "cost": (
        "lopa_bench.cli.cost:main",
        "bytes, FLOPs and latency at server and client, for 1 to 10,000 customisations",
    ),
    "score": ("lopa_bench.cli.score:main", "score outputs made elsewhere: e2e, webnlg, mbpp, cruxeval or glue"),
}

OWN_CONF = "conf.path="

USAGE = """\
lopa-bench: reproduce Low-Rank Prompt Adaptation (LOPA, NeurIPS 2024) and go past it

usage: lopa-bench [key=value …]             one run, e.g. lopa-bench task=rte method=lopa
       lopa-bench -m key=v1,v2 …            a sweep over all combinations
       lopa-bench --cfg job [--resolve] …   print the composed config and stop
       lopa-bench COMMAND [--help]

commands:
{commands}

often used keys (all of them: lopa-bench --cfg job):
  scale=mini|small|paper                    mini: embedded model and data, no network (default)
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
        with signals.raised(), _own_conf(argv):
            if argv and argv[0] in COMMANDS:
                return _load(COMMANDS[argv[0]][0])([word for word in argv[1:] if not word.startswith(OWN_CONF)])
            if {"--help", "-h"} & set(argv):
                print(usage())
                return 0
            return _hydra(argv)
    except UserError as error:
        return report(error)
    except KeyboardInterrupt as interruption:
        if is_main():
            print("lopa-bench: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return getattr(interruption, "exit_status", 130)
    except BrokenPipeError:  # e.g. `lopa-bench list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _own_conf(argv: Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """``conf.path=DIR``: one's own YAML is found in `DIR`, whatever the command."""
    if not any(word.startswith(OWN_CONF) for word in argv):
        return contextlib.nullcontext()
    from lopa_bench.config.files import own_folder, searching

    return searching(own_folder(argv))


def usage() -> str:
    width = max(map(len, COMMANDS))
    return USAGE.format(commands="\n".join(f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()))


def report(error: UserError) -> int:
    """Print one line (with ``LOPA_DEBUG=1`` the traceback before it) and return the error's exit status."""
    if os.environ.get("LOPA_DEBUG") == "1":
        traceback.print_exception(error)
    if is_main():
        print(f"lopa-bench: error: {error}", file=sys.stderr)
    return error.exit_status


def _load(target: str) -> Any:
    module, function = target.split(":")
    return getattr(importlib.import_module(module), function)


def _hydra(argv: list[str]) -> int:
    """Check the overrides, then hand over to Hydra."""
    from lopa_bench.config.overrides import check, check_hydra
    from lopa_bench.run.preflight import preflight

    overrides = [arg for arg in argv if not arg.startswith("-")]
    multirun = bool({"-m", "--multirun"} & set(argv))
    if _HYDRA_QUERIES & set(argv):
        check_hydra([word for word in overrides if "=" in word])
        return _hydra_main(argv)
    _check_words(argv)
    for config in check(overrides, multirun):
        preflight(config)
    return _sweep(argv, overrides) if multirun else _hydra_main(argv)


def _sweep(argv: list[str], overrides: list[str]) -> int:
    """Let Hydra's sweeper and launcher do the jobs, then show what became of them."""
    from lopa_bench.config.compose import load_config
    from lopa_bench.config.overrides import jobs
    from lopa_bench.study import sweep

    plan, searches = jobs(overrides), any(text.startswith("hydra/sweeper=") for text in overrides)
    with sweep.planned(load_config(plan[0]).results_dir, [] if searches else plan) as folder:
        extra = [f"hydra.sweep.dir='{folder}'"]
        if "hydra/sweeper=optuna" in overrides and not any("hydra.sweeper.direction" in text for text in overrides):
            extra.append("hydra.sweeper.direction=maximize")  # scores are; the plugin's own default minimises
        return _hydra_main([*argv, *extra]) or sweep.finish(folder)


def _hydra_main(argv: list[str]) -> int:
    import hydra

    from lopa_bench.config.compose import register
    from lopa_bench.config.files import conf_dir, search_override

    register()
    sys.argv = [sys.argv[0], *argv, *search_override()]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_job)()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    return 0


def _check_words(argv: list[str]) -> None:
    """A first word that is no override may be a mistyped command."""
    from lopa_bench.config.nearest import nearest

    if argv and "=" not in argv[0] and not argv[0].startswith(("-", "~", "+")):
        raise UserError(f"{argv[0]!r} is neither a command nor key=value; nearest: {nearest(argv[0], COMMANDS)}")


def _job(composed: Any) -> float | None:
    """One Hydra job. Of a sweep: recorded, and never an exception; a single one ends the process with its error's status."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from lopa_bench.config.compose import build_config

    hydra = HydraConfig.get()
    if hydra.mode is RunMode.MULTIRUN:
        from lopa_bench.study.sweep import run_job

        if hydra.launcher._target_.endswith(".LocalLauncher"):  # submitit starts all jobs at once and divides no cores
            os.environ.setdefault("OMP_NUM_THREADS", str(hydra.launcher.cpus_per_task or 1))
        return run_job(lambda: _run(build_config(composed)), Path(hydra.runtime.output_dir), hydra.overrides.task)
    try:
        config = build_config(composed)
        outcome = _run(config)
    except UserError as error:
        sys.exit(report(error))
    if is_main():
        from lopa_bench.cli.summary import print_outcome

        print_outcome(config, outcome)
    return None


def _run(config: Config) -> Outcome:
    from lopa_bench.run.story import run

    return run(config)


if __name__ == "__main__":
    sys.exit(main())
