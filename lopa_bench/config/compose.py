"""From overrides to a typed, checked `Config`. YAML (conf/) holds the values, `schema` the types. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pydantic
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from lopa_bench.config.nearest import nearest
from lopa_bench.config.schema import Config, Data, Generation, Model, Run, Train
from lopa_bench.errors import UserError
from lopa_bench.host import network
from lopa_bench.methods.base import Method
from lopa_bench.tasks.base import Task


@cache
def conf_dir() -> Path:
    """The folder of YAML files: inside the package in a built wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise UserError(f"conf/config.yaml is not in {package} or beside it: the installation is broken")


def choices(group: str) -> list[str]:
    """The names of a config group's files, e.g. ``choices("method")``."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def _setting(key: str, *, _root_: DictConfig) -> Any:
    task, model = _root_.task, OmegaConf.select(_root_, "model.name", throw_on_resolution_failure=False)
    return recipe_value(key, _root_.recipe, _root_.scale.recipe, task.name, task.family, model, _root_.method.name)


def recipe_value(
    key: str,
    recipe: Mapping[str, Any],
    scale: Mapping[str, Any],
    task: str,
    family: str,
    model: str | None,
    method: str,
) -> Any:
    """The recipe's, else the scale's value of `key` for this task, its family with this model, or its family.

    A mapping is looked up by method.
    """
    value = recipe.get(key)
    if value is None:
        tables = [scale.get(name) or {} for name in (task, f"{family}/{model}", family)]
        value = next((table[key] for table in tables if key in table), None)
    if isinstance(value, Mapping):
        value = value.get(method, value.get("default"))
    return value


OmegaConf.register_new_resolver("setting", _setting, replace=True)
OmegaConf.register_new_resolver("folder_name", lambda path: Path(path).resolve().name, replace=True)


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """Compose conf/ with Hydra overrides.

    Raises:
        UserError: an override that Hydra cannot place or parse.
    """
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return compose("config", overrides=list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(str(error).strip().splitlines()[0]) from error


def load_config(overrides: Sequence[str] = ()) -> Config:
    """Overrides as on the command line -> checked `Config`. Raises `UserError`."""
    return build_config(compose_config(overrides))


def build_config(composed: DictConfig) -> Config:
    """Type-check a composed config.

    Raises:
        UserError: naming the key, the value and what would be valid.
    """
    try:
        plain: dict[str, Any] = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except MissingMandatoryValue as error:
        key = str(error).split(":")[-1].strip()
        raise UserError(f"{key} is needed: give {key}=…") from error
    except OmegaConfBaseException as error:
        message = str(error).strip().splitlines()[0]
        if "Missing mandatory value: " in message:  # reached through an interpolation
            key = message.split("Missing mandatory value: ")[1]
            raise UserError(f"{key} is needed: give {key}=…") from error
        if "'scale.models" in message:
            raise UserError(
                f"model is needed: scale={composed.scale.name} has none of its own; give model=local model.path=DIR"
            ) from error
        raise UserError(message) from error
    plain.pop("hydra", None)
    plain["scale"] = plain["scale"]["name"]
    plain["recipe"] = plain["recipe"]["name"]
    return from_resolved(plain)


def from_resolved(plain: dict[str, Any]) -> Config:
    """Type-check plain values such as a run's config.yaml holds. Raises `UserError`."""
    run = _typed(Run, {k: plain[k] for k in Run.__dataclass_fields__}, "")
    top = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    task = _target(plain["task"], "task")
    generation = _generation(plain, task)
    return Config(
        **{
            **top,
            "results_dir": Path(run.results_dir).expanduser(),
            "offline": run.offline or network.switch() is not None,
        },
        scale=plain["scale"],
        recipe=plain["recipe"],
        data=_typed(Data, plain["data"], "data"),
        model=_typed(Model, plain["model"], "model"),
        train=_typed(Train, plain["train"], "train"),
        method=_target(plain["method"], "method"),
        generation=generation,
        task=task,
        tracker=_target(plain["tracker"], "tracker"),
        resolved=plain,
    )


def _generation(plain: dict[str, Any], task: Task) -> Generation | None:
    """The section `generation` of a task that is written; a classification has none, in `plain` neither."""
    if not task.label_words:
        return _typed(Generation, plain["generation"], "generation")  # type: ignore[no-any-return]
    for key, value in plain.pop("generation", {}).items():
        if value is not None:
            raise UserError(
                f"generation.{key}={value}: task={task.name} is answered by label words, not by generated text"
            )
    return None


def load_method(values: Mapping[str, Any]) -> Method:
    """The method of plain values with a ``_target_``, as in conf/method. Raises `UserError`."""
    return _target(dict(values), "method")  # type: ignore[no-any-return]


def load_task(values: Mapping[str, Any]) -> Task:
    """The task of plain values with a ``_target_``, as in conf/task. Raises `UserError`."""
    return _target(dict(values), "task")  # type: ignore[no-any-return]


def _target(values: dict[str, Any], key: str) -> Any:
    """Build the class named by ``_target_`` from the other values."""
    values = dict(values)
    path = values.pop("_target_", None)
    try:
        cls = get_class(path)
    except Exception as error:
        raise UserError(f"{key}._target_={path!r} is not an importable class") from error
    return _typed(cls, values, key)


def _typed(cls: type, values: dict[str, Any], key: str) -> Any:
    try:
        return cls(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise UserError(_one_line(first, key, [f.name for f in dataclasses.fields(cls)])) from error


def _one_line(error: Any, prefix: str, fields: list[str]) -> str:
    """A pydantic error as `key=value: what is wrong; what would be valid`."""
    # Union members ("int", "constrained-float") are part of pydantic's location, not of the user's key.
    location = [str(part) for part in error["loc"]]
    key = ".".join([prefix, *location[:1]] if prefix else location[:1]) or prefix
    value, context = error["input"], error.get("ctx", {})
    shown = value if isinstance(value, (str, int, float, bool)) or value is None else type(value).__name__
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        return f"{key} is not a key here; nearest: {prefix}.{nearest(location[0], fields)}"
    if error["type"] in {"missing", "missing_argument"}:
        return f"{key} is needed: give {key}=…"
    if error["type"] == "literal_error":
        options = [o.strip(" '") for o in context["expected"].replace(" or ", ",").split(",")]
        return f"{key}={shown} is not one of {', '.join(options)}; nearest: {key}={nearest(str(value), options)}"
    for bound, words in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
        if bound in context:
            near = f"; nearest: {key}={context[bound]}" if bound in {"ge", "le"} else ""
            return f"{key}={shown} must be {words} {context[bound]}{near}"
    if error["type"] == "value_error":
        return f"{key}={shown}: {context['error']}" if location else str(context["error"])
    wanted = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}
    kind = error["type"].split("_")[0]
    return f"{key}={shown} is not {wanted[kind]}" if kind in wanted else f"{key}={shown}: {error['msg']}"


def tree(composed: DictConfig, prefix: str = "") -> list[str]:
    """All dotted keys of a composed config, branches included."""
    keys: list[str] = []
    for name in map(str, composed):
        key = f"{prefix}{name}"
        keys.append(key)
        node = composed._get_node(name)
        if isinstance(node, DictConfig) and not node._is_interpolation() and not node._is_none():
            keys += tree(node, f"{key}.")
    return keys
