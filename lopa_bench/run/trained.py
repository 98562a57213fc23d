"""A finished run's model, as it was trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from lopa_bench.config.compose import from_resolved
from lopa_bench.config.places import folder_name, is_own
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.host.device import seed_everything
from lopa_bench.methods.adapted import AdaptedModel, check_fit, shapes_of
from lopa_bench.models import shapes
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.files import locate
from lopa_bench.models.hub import check_code
from lopa_bench.results.directory import TRAINED, is_as_written, load_result
from lopa_bench.results.record import Result
from lopa_bench.run.model import adapt
from lopa_bench.run.told import config_of


def load_trained(
    directory: Path, device: str = "cpu", models_dir: Path | None = None, trust_remote_code: bool = False
) -> tuple[Config, AdaptedModel]:
    """The config and the adapted model, in evaluation mode, of the run in `directory`, in the precision that it was computed in.

    Args:
        models_dir: a folder of the folders of its models, by name, where they are not where they were.
        trust_remote_code: whether code that a model brings is run. What the run's config.yaml says of that may be a stranger's word.

    Raises:
        UserError: no finished run there, a file that cannot be read, or other backbone weights than the run's.
    """
    config, result = config_of(directory)
    config = _here(config, result, models_dir, trust_remote_code)
    trained = parameters_of(directory, result)
    _check_weights(directory, config, result.config["model"])
    backbone = Backbone.load(config.model, config.precision, torch.device(device), config.offline)
    seed_everything(config.seed)  # as in the run: what is drawn and not trained is not kept, so it is drawn again
    model = adapt(config, backbone)
    model.load_trainable(trained)
    return config, model.eval()


def _here(config: Config, result: Result, models_dir: Path | None, trust_remote_code: bool) -> Config:
    """The config of a run as it is answered with on this machine."""
    model = {**config.resolved["model"], "trust_remote_code": trust_remote_code}
    if models_dir is not None:
        if not models_dir.is_dir():
            raise UserError(f"models.dir={models_dir}: there is no such folder")
        for key, name in (("path", result.model), ("encoder", result.encoder)):
            if name not in (None, "backbone") and (models_dir / name).is_dir():
                model[key] = str(models_dir / name)
    precision = result.computed_in or config.precision  # what an `auto` was there; older results do not say
    return from_resolved({**config.resolved, "model": model, "precision": precision})


def parameters_of(directory: Path, result: Result) -> dict[str, Tensor]:
    """What the run with this result trained, by name. Raises `UserError` where that is missing or not as the run wrote it."""
    weights = directory / TRAINED
    if not weights.is_file():
        raise UserError(
            f"run={directory}: there is no {TRAINED}, as published runs have none that is large or of another seed than 0; "
            "lopa-bench export run=… names the command that makes it whole"
        )
    if TRAINED not in result.files or not is_as_written(weights, result.files[TRAINED]):
        raise UserError(f"run={directory}: {TRAINED} is not as the run wrote it; the run's command makes it again")
    return load_file(weights)


def start_from(model: AdaptedModel, run: str) -> None:
    """Put what a finished run trained into `model`. Raises `UserError` where that is not what this model trains."""
    with _of_the_start(run):
        _, result = load_result(run)
        model.load_trainable(parameters_of(Path(run), result))


def check_start(config: Config) -> None:
    """Raise `UserError` where what the run `init_from` trained is not what this run trains, before any weight is loaded.

    By names and shapes, on the meta device. An instance encoder with weights of its own is left to `start_from`: here the backbone stands
    in for it, and where it is of another width, so are the heads that read it.
    """
    run, files = config.init_from, locate(config.model.path, config.model.revision, config.offline)
    if not run or files.own_code:
        return
    with safe_open(Path(run) / TRAINED, framework="pt") as file:
        saved = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    own = replace(config, model=replace(config.model, encoder="backbone"))
    backbone = shapes.build(files, "meta", settings=own.model)
    with torch.device("meta"):
        wanted = shapes_of(adapt(own, backbone).trainable())
    if encoder := config.pretrained.get("model.encoder"):
        beside = shapes_of(config.method.added(backbone, locate(*encoder, config.offline).width))
        wanted = {name: beside.get(name.removeprefix("parts."), shape) for name, shape in wanted.items()}
        saved, wanted = ({n: s for n, s in each.items() if not n.startswith("encoder.")} for each in (saved, wanted))
    with _of_the_start(run):
        check_fit(saved, wanted)


@contextlib.contextmanager
def _of_the_start(run: str) -> Iterator[None]:
    """Inside, what is wrong is said to be wrong of ``init_from``."""
    try:
        yield
    except UserError as error:
        raise UserError(f"init_from={run}: {error}; take a finished run of this method, of the same sizes") from None


def _check_weights(directory: Path, config: Config, trained_on: Mapping[str, str]) -> None:
    model = config.model
    known = {"model.path": trained_on["weights"], "model.encoder": trained_on.get("encoder", "")}
    for key, (path, revision) in config.pretrained.items():
        if is_own(path) and not Path(path).expanduser().is_dir():
            name = model.name if key == "model.path" else folder_name(path)
            raise UserError(f"run={directory}: {key}={path} is not there; give models.dir=DIR with its copy DIR/{name}")
        files = locate(path, revision, config.offline, key)
        if not files.is_known_as(known[key]):
            raise UserError(f"run={directory}: {key}={path} holds other weights than the run was trained on")
        check_code(key, files, model.trust_remote_code)
