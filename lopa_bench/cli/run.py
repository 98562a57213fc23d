"""``lopa-bench [run] key=value …``: one run, or with ``-m`` a sweep, handed to Hydra, once every override has been checked."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lopa_bench.cli import queries, words
from lopa_bench.cli.options import option, overrides
from lopa_bench.config.keys import key_of
from lopa_bench.errors import Interrupted, UserError, in_a_line
from lopa_bench.host import signals
from lopa_bench.host.files import why_not_writable
from lopa_bench.host.processes import is_main, process_count
from lopa_bench.host.terminal import say, write

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config
    from lopa_bench.run.story import Outcome

SUMMARY = "one run, or with -m a sweep; the word run may be left out"
DETAILS = "Every key of conf/ is an option: lopa-bench --cfg job --resolve prints them, lopa-bench list the choices."
EXAMPLE = "lopa-bench task=rte method=lopa seed=0, the same as lopa-bench run --task rte --method lopa --seed 0"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    multirun: bool = option("a sweep over all combinations of values with commas", False, short="m")
    cfg: Literal["job", "hydra", "all"] | None = option("print the composed config and stop", None, short="c")
    resolve: bool = option("with --cfg: interpolations replaced by their values", False)
    package: str | None = option("with --cfg: this part only", None, shown="KEY", short="p")
    overrides: tuple[str, ...] = overrides("of conf/config.yaml, e.g. task=rte train.lr=0.003")


OPTIONS = Options
SWEEPS = {"wait", "detach"}  # keys that say something of a sweep only


def main(argv: Sequence[str]) -> int:
    from lopa_bench.config import scale
    from lopa_bench.config.compose import keys_of
    from lopa_bench.config.nearest import hint
    from lopa_bench.config.overrides import check, check_hydra, check_keys
    from lopa_bench.config.quoting import as_meant
    from lopa_bench.config.refused import check_words

    if (query := queries.asked(argv)) is not None:
        given = queries.checked(query)
        check_hydra(given) if "--shell-completion" in query else check_keys(given)
        return _hydra(query)
    options = words.read(Options, argv, "run")
    given = [as_meant(word, options.multirun) for word in options.overrides]
    line = scale.notice(given)
    given += scale.implied(given)
    if options.cfg:
        if options.multirun:
            raise UserError("multirun: --cfg prints the config of one job; leave -m out, and give each key one value")
        check_keys(given)
        check_words(given)
        if options.package and options.cfg == "job" and options.package not in (known := keys_of(given)):
            raise UserError(
                f"package={options.package}: there is no key {options.package}{hint(options.package, known)}"
            )
        flags = [*(["--resolve"] if options.resolve else []), *(["-p", options.package] if options.package else [])]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = _hydra(["--cfg", options.cfg, *flags, *given])
        write(printed.getvalue(), sys.stdout)
        return status
    for key, value in (("resolve", options.resolve), ("package", options.package)):
        if value:
            raise UserError(f"{key}: says how a config is printed; put --cfg job before it")
    for word in given if not options.multirun else ():
        if key_of(word).startswith("hydra") or key_of(word) in SWEEPS:
            raise UserError(f"{word}: a sweep's setting; put -m before it")
    configs = list(check(given, options.multirun))
    for config in configs:
        check_machine(config)
    if line and is_main():
        say(f"lopa-bench: {line}", error=True)
    return _sweep(given, configs[0]) if options.multirun else _single(configs[0])


def _single(config: Config) -> int:
    """One run and the table of what came of it."""
    outcome = _run(config)
    if is_main():
        from lopa_bench.cli.summary import print_outcome

        print_outcome(outcome)
    return 0


def _sweep(given: list[str], config: Config) -> int:
    """Let Hydra's launcher do the jobs, or its sweeper find them, then show what became of them."""
    from lopa_bench.config.absolute import absolute
    from lopa_bench.config.overrides import hydra_words, jobs, searches
    from lopa_bench.study import submit, sweep
    from lopa_bench.study.launch import by_launcher, check_search, search
    from lopa_bench.study.rounds import carry_out

    finds, results = searches(given), config.results_dir
    if finds and config.detach:
        raise UserError("detach=true: a search waits for the score of each trial; leave it out")
    asked = [*absolute(given, results), *_direction(given, config)]
    if finds:
        check_search(asked, _job)
    plan = [] if finds else [absolute(job, results) for job in jobs(given)]
    with sweep.planned(results, plan) as folder:
        if finds:
            ended = search(asked, folder, _job)
        else:
            launch = by_launcher(hydra_words(given), folder, _job, config)
            carry_out(folder, launch, config.wait, config.detach)
            if config.detach:
                return submit.say_where(folder)
        status = sweep.finish(folder, all_of_them=any(word.startswith("hydra/launcher=") for word in given))
        if finds:
            sweep.say_best(folder, _higher_is_better(config))
            return status if ended else max(status, 1)
        return status


def _direction(given: list[str], config: Config) -> list[str]:
    """What Optuna is told where the words do not say it: to look for the better scores, where its plugin takes the least.

    Raises:
        UserError: they tell it to look for the worse ones.
    """
    if "hydra/sweeper=optuna" not in given:
        return []
    better = f"hydra.sweeper.direction={'maximize' if _higher_is_better(config) else 'minimize'}"
    told = next((word for word in given if key_of(word) == key_of(better)), better)
    if told.lstrip("+") != better:
        raise UserError(f"{told}: of {config.task.metric} that finds the worst; nearest: {better}")
    return [] if told in given else [better]


def _higher_is_better(config: Config) -> bool:
    return config.task.metrics[config.task.metric].higher_is_better


def check_machine(config: Config) -> None:
    """Raise `UserError` for what shows before torch is loaded: absent files, settings that do not fit, a bad results_dir."""
    from lopa_bench.run.identity import may_be_finished
    from lopa_bench.run.preflight import preflight

    preflight(config)
    if may_be_finished(config):
        return  # the result may be there, and is read from a folder that cannot be written too
    if reason := why_not_writable(config.results_dir):
        raise UserError(f"results_dir={config.results_dir}: {reason}; name another folder")


def _hydra(argv: list[str]) -> int:
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from lopa_bench.config.compose import register, told
    from lopa_bench.config.files import conf_dir, search_override
    from lopa_bench.config.refused import why
    from lopa_bench.config.releases import HYDRA_BASE

    register()
    sys.argv = [sys.argv[0], *told(argv), *search_override()]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # it raises what it would print in lines of its own
    try:
        hydra.main(config_path=str(conf_dir()), config_name="config", **HYDRA_BASE)(_job)()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(why(error, argv)) from error
    return 0


def _job(composed: Any) -> float | None:
    """One job of a sweep, in its own process or in one that a launcher has started: recorded, and never an exception."""
    from hydra.core.hydra_config import HydraConfig

    from lopa_bench.config.compose import build_config
    from lopa_bench.study import sweep
    from lopa_bench.study.launch import SAME_PROCESS

    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    do = partial(sweep.run_job, lambda: _run(build_config(composed)), folder, hydra.overrides.task)
    if hydra.launcher._target_.endswith(SAME_PROCESS):
        return do()
    with contextlib.suppress(OSError):  # of a process that leads a group already
        os.setpgrp()  # a terminal's Ctrl-C reaches the sweep only, which has this process save a checkpoint
    sweep.check_seen(folder.parent)
    _share_machine(hydra.launcher, folder.parent)
    try:
        return do()
    except Interrupted as interruption:
        signals.hand_on(interruption)
        return None
    except Exception as error:
        # Hydra would keep it: the process would end as if all were well, and the job's others wait for it.
        if process_count() == 1:
            raise
        say(f"lopa-bench: {in_a_line(error, kind=True)}", error=True)
        raise SystemExit(1) from error


def _share_machine(launcher: Any, folder: Path) -> None:
    """Cores and GPUs of a process beside others of its launcher; SLURM and Ray have seen to it."""
    from lopa_bench.study import submit, sweep

    kind = launcher._target_.rpartition(".")[2]
    if kind == "LocalLauncher":  # submitit starts all jobs at once and divides no cores
        os.environ.setdefault("OMP_NUM_THREADS", str(launcher.cpus_per_task or 1))
    if kind in {"LocalLauncher", "SlurmLauncher"}:
        submit.join()
    if kind in {"LocalLauncher", "JoblibLauncher"}:
        sweep.take_gpus(folder, launcher.get("gpus_per_node") or 1)


def _run(config: Config) -> Outcome:
    from lopa_bench.run.story import run

    return run(config)
