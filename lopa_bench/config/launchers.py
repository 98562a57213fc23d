"""Hydra's launchers and sweepers, which are packages of their own: whether they are here and can do what they are told."""

from __future__ import annotations

import contextlib
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TypeGuard

from hydra.core.override_parser.types import Override

from lopa_bench.config.fields import MOST
from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError

# Value of hydra/launcher or hydra/sweeper -> our extra that installs it, its module.
PLUGINS = {
    "joblib": ("joblib", "hydra_joblib_launcher"),
    "submitit_local": ("submitit", "hydra_submitit_launcher"),
    "submitit_slurm": ("submitit", "hydra_submitit_launcher"),
    "ray": ("ray", "hydra_ray_launcher"),
    "ray_cluster": ("ray", "hydra_ray_launcher"),
    "optuna": ("optuna", "hydra_optuna_sweeper"),
}

# Whole numbers of a launcher or sweeper: the least that one may be, and whether null leaves it to the plugin.
NUMBERS = {
    "hydra.launcher.nodes": (1, False),
    "hydra.launcher.tasks_per_node": (1, False),
    "hydra.launcher.cpus_per_task": (1, True),
    "hydra.launcher.gpus_per_node": (0, True),
    "hydra.launcher.gpus_per_task": (0, True),
    "hydra.launcher.cpus_per_gpu": (1, True),
    "hydra.launcher.mem_gb": (0, True),
    "hydra.launcher.timeout_min": (1, False),
    "hydra.launcher.max_num_timeout": (0, False),
    "hydra.launcher.array_parallelism": (1, False),
    "hydra.launcher.signal_delay_s": (0, False),
    "hydra.sweeper.n_trials": (1, False),
    "hydra.sweeper.n_jobs": (1, False),
    "hydra.sweeper.max_batch_size": (1, True),
}
PARAMS = "hydra.sweeper.params"
QUOTES = "'\""
CHOICES: dict[str, tuple[str | None, ...]] = {  # None: null
    "hydra.sweeper.direction": ("minimize", "maximize"),
    # Of joblib, whose plugin runs processes of loky whatever it is told.
    "hydra.launcher.backend": (None, "loky"),
    "hydra.launcher.prefer": ("processes",),
    "hydra.launcher.require": (None,),
    "hydra.launcher.mmap_mode": ("r", "r+", "w+", "c"),
}
_COUNT = r"[1-9]\d{0,8}"
FORMS = {  # of joblib, too: what it reads, whether null is read, and its default or nearly so
    "hydra.launcher.max_nbytes": (r"\d+(\.\d+)?[KMG]|\d{1,18}", True, "1M"),
    "hydra.launcher.pre_dispatch": (rf"all|{_COUNT}|({_COUNT}(\.\d+)? ?\* ?)?n_jobs", False, "2*n_jobs"),
}
SECTIONS = ("hydra.launcher", "hydra.sweeper")
OURS = ("hydra.sweep", "hydra.run", "hydra.output_subdir")  # where Hydra would write by itself


def check_launcher(override: Override) -> None:
    """Raise `UserError` for a launcher or sweeper that is not here, or a setting of one with which it would fail later."""
    key = override.key_or_group
    if override.is_delete() and key.startswith("hydra"):
        near = f"; nearest: {key}=basic" if key in {"hydra/launcher", "hydra/sweeper"} else ""
        raise UserError(f"{override.input_line}: a sweep reads {key}; leave it as it is{near}")
    if override.is_delete():
        return
    if key in {"hydra/launcher", "hydra/sweeper"}:
        _check_plugin(override)
    if key == "hydra.sweeper.storage":
        _check_storage(override)
    if key in {"hydra", *SECTIONS}:
        raise UserError(
            f"{override.input_line}: {key} holds keys and is no value; hydra/launcher=… and hydra/sweeper=… choose one"
        )
    if key == PARAMS or key.startswith(f"{PARAMS}."):
        raise UserError(f"{override.input_line}: what is swept over is given by itself; nearest: {_swept(override)}")
    if key == "hydra.launcher.n_jobs" and not (_is_whole(override.value()) and override.value()):
        raise UserError(f"{override.input_line}: is no number of jobs at a time; -1 is one for each core")
    if key == "hydra.launcher.timeout" and not _is_period(override.value()):
        raise UserError(f"{override.input_line}: is no number above 0; nearest: {key}=null, which is no limit")
    if key in NUMBERS:
        _check_number(override, *NUMBERS[key])
    if key in CHOICES and override.value() not in CHOICES[key]:
        raise UserError(not_one_of(key, _text(override), [choice or "null" for choice in CHOICES[key]]))
    if key in FORMS:
        _check_form(override, *FORMS[key])
    if key == "hydra.launcher.batch_size" and override.value() != "auto":  # of joblib, which takes auto too
        _check_number(override, 1, none=False)
    if (override.is_add() or override.is_force_add()) and key.rpartition(".")[0] in SECTIONS:
        raise UserError(
            f"{override.input_line}: a launcher's and a sweeper's keys are there already; nearest: {key}={_text(override)}"
        )
    if key in OURS or key.startswith(tuple(f"{section}." for section in OURS)):
        raise UserError(f"{override.input_line}: a sweep's folder is below results_dir; leave it out")


def _check_number(override: Override, least: int, none: bool) -> None:
    """Raise `UserError` for what is no whole number of at least `least`."""
    key, value = override.key_or_group, override.value()
    if value is None and none:
        return
    if not _is_whole(value) or value < least:
        raise UserError(f"{override.input_line}: is no whole number of at least {least}; nearest: {key}={least}")
    if value > MOST:
        raise UserError(f"{override.input_line}: must be at most {MOST}; nearest: {key}={MOST}")


def _check_form(override: Override, form: str, none: bool, near: str) -> None:
    """Raise `UserError` for a text, or number, that is not of this form."""
    value = override.value()
    if not (none if value is None else re.fullmatch(form, str(value))):
        raise UserError(f"{override.input_line}: is nothing that joblib reads; nearest: {override.key_or_group}={near}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_period(value: object) -> bool:
    """Whether joblib can wait as long for a job; null is for ever."""
    return value is None or ((_is_whole(value) or isinstance(value, float)) and 0 < value <= MOST)


def _swept(override: Override) -> str:
    """What ``hydra.sweeper.params`` says, as an override of a run."""
    key, value = override.key_or_group, override.value()
    if key == PARAMS:
        return " ".join(f"{name}={own}" for name, own in value.items()) if isinstance(value, dict) else "seed=0,1"
    return f"{key.removeprefix(f'{PARAMS}.')}={_text(override).strip(QUOTES)}"


def _text(override: Override) -> str:
    """The value as it was typed, of a sweep too."""
    return str(override.input_line).partition("=")[2]


def _check_plugin(override: Override) -> None:
    """Launchers and sweepers that are packages of their own must be installed."""
    value = override.get_value_element_as_str()
    if value == "basic":
        return
    kind = override.key_or_group.removeprefix("hydra/")
    of_kind = [name for name, (_, module) in PLUGINS.items() if module.endswith(kind)]
    if value not in of_kind:
        raise UserError(not_one_of(override.key_or_group, value, ["basic", *of_kind]))
    extra, module = PLUGINS[value]
    try:
        missing = find_spec(f"hydra_plugins.{module}") is None
    except ModuleNotFoundError:  # no plugin at all
        missing = True
    if missing:
        raise UserError(f"{override.input_line} needs a package: pip install 'lopa-bench[{extra}]'")
    if value == "submitit_slurm" and shutil.which("srun") is None:
        raise UserError(
            f"{override.input_line}: there is no srun on the PATH, so this machine is not of a SLURM cluster; "
            "nearest: hydra/launcher=submitit_local"
        )


def _check_storage(override: Override) -> None:
    """A search's database: sweepers up to 1.3 need Optuna 2, which fails with the SQLAlchemy of today."""
    with contextlib.suppress(PackageNotFoundError):
        if override.value() is not None and tuple(map(int, version("hydra-optuna-sweeper").split(".")[:2])) < (1, 4):
            raise UserError(
                f"{override.input_line}: a database takes hydra-optuna-sweeper 1.4, whose Optuna works with it; without one, "
                "the same command with hydra.sweeper.sampler.seed=0 asks for the same trials and finds the finished ones"
            )
