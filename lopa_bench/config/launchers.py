"""Hydra's launchers and sweepers, which are packages of their own: whether they are here and can do what they are told."""

from __future__ import annotations

import contextlib
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from hydra.core.override_parser.types import Override

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

COUNTS = {"hydra.sweeper.n_trials", "hydra.sweeper.n_jobs", "hydra.sweeper.max_batch_size"}
DIRECTIONS = ("minimize", "maximize")
OURS = ("hydra.sweep", "hydra.run", "hydra.output_subdir")  # where Hydra would write by itself


def check_launcher(override: Override) -> None:
    """Raise `UserError` for a launcher or sweeper that is not here, or a setting of one with which it would fail later."""
    key = override.key_or_group
    if override.is_delete():
        return
    if key in {"hydra/launcher", "hydra/sweeper"}:
        _check_plugin(override)
    if key == "hydra.sweeper.storage":
        _check_storage(override)
    if key == "hydra.launcher.n_jobs" and override.value() == 0:
        raise UserError(f"{override.input_line}: no job at a time; -1 is one for each core")
    if key in COUNTS and not _is_count(override.value(), none=key.endswith("batch_size")):
        raise UserError(f"{override.input_line}: is no number of at least 1; nearest: {key}=1")
    if key == "hydra.sweeper.direction" and override.value() not in DIRECTIONS:
        raise UserError(not_one_of(key, override.get_value_element_as_str(), DIRECTIONS))
    if key in OURS or key.startswith(tuple(f"{section}." for section in OURS)):
        raise UserError(f"{override.input_line}: a sweep's folder is below results_dir; leave it out")


def _is_count(value: object, none: bool) -> bool:
    return none if value is None else (isinstance(value, int) and not isinstance(value, bool) and value > 0)


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
