"""From overrides to a typed, checked `Config`. YAML (conf/) holds the values, `schema` the types."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from lopa_bench.config import derive, files, places, refused, resolve, scale, typed
from lopa_bench.config.keys import tree
from lopa_bench.config.releases import HYDRA_BASE, register_resolver
from lopa_bench.config.schema import Config, Data, Generation, Model, Models, Run, Sandbox, Train
from lopa_bench.errors import UserError, in_a_line
from lopa_bench.host import network


def register() -> None:
    """Make the ``${…:…}`` of conf/ known to OmegaConf, for configs that Hydra composes by itself too."""
    for name in resolve.RESOLVERS:
        register_resolver(name, resolve.as_omegaconf(name))


def compose_config(overrides: Sequence[str], hydra: bool = False) -> DictConfig:
    """Compose conf/ with Hydra overrides; with Hydra's own section if asked for.

    Raises:
        UserError: an override that Hydra cannot place or parse.
    """
    register()
    GlobalHydra.instance().clear()
    refused.check_words(overrides)
    with files.searching(files.own_folder(overrides)):
        words = [*files.search_override(), *scale.implied(overrides), *told(overrides)]
        try:
            with initialize_config_dir(str(files.conf_dir()), **HYDRA_BASE):
                return compose("config", overrides=words, return_hydra_config=hydra)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(refused.why(error, overrides)) from error


def told(overrides: Sequence[str]) -> list[str]:
    """The overrides that Hydra is told of: it knows a group without a choice (``encoder=null``) as a default, and as no override."""
    none = {f"{group}=null" for group in files.groups() if files.default_choice(group) is None}
    return [word for word in overrides if word.lstrip("+") not in none]


def load_config(overrides: Sequence[str] = ()) -> Config:
    """Overrides as on the command line -> checked `Config`. Raises `UserError`."""
    refused.check_words(overrides)
    try:
        with files.searching(files.own_folder(overrides)):
            values = derive.resolved(_unresolved(overrides))
    except resolve.Beyond:
        return build_config(compose_config(overrides))
    return _from_composed(values)


def keys_of(overrides: Sequence[str]) -> set[str]:
    """All dotted keys of the config that the overrides ask for, branches included. Raises `UserError`."""
    try:
        with files.searching(files.own_folder(overrides)):
            return set(tree(_unresolved(overrides)))
    except resolve.Beyond:
        return set(tree(_by_hydra(overrides)))


def _unresolved(overrides: Sequence[str]) -> dict[str, Any]:
    """Raises `resolve.Beyond`."""
    words = [*scale.implied(overrides), *overrides]
    return derive.derived(words, _kept)


@files.cached_by_sources
def _kept(choices: tuple[str, ...]) -> dict[str, Any]:
    """What Hydra composes of some choices."""
    return _by_hydra(choices)


def _by_hydra(overrides: Sequence[str]) -> dict[str, Any]:
    return OmegaConf.to_container(compose_config(overrides), resolve=False)  # type: ignore[return-value]


def build_config(composed: DictConfig) -> Config:
    """Type-check a composed config.

    Raises:
        UserError: naming the key, the value and what would be valid.
    """
    register()
    return _from_composed(_plain(composed))


def _from_composed(values: dict[str, Any]) -> Config:
    """The typed config of composed and resolved values."""
    plain = {key: value for key, value in values.items() if key not in {"hydra", "conf"}}
    plain |= {key: values[key]["name"] for key in ("scale", "recipe")}
    with files.searching(values["conf"]["path"]):
        typed.fill(Models, plain["models"], "models")  # before a place is looked for
        typed.fill(Model, plain["model"], "model")
        typed.fill(Sandbox, plain["sandbox"], "sandbox")  # only some tasks read it
        return from_resolved(places.placed(plain))


def _plain(composed: DictConfig) -> dict[str, Any]:
    """A composed config's values, interpolations resolved."""
    try:
        return OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except MissingMandatoryValue as error:
        key = error.full_key
        raise UserError(f"{key} is needed: give {key}=…") from error
    except OmegaConfBaseException as error:
        message = in_a_line(error)
        if "Missing mandatory value: " in message:  # reached through an interpolation
            key = message.split("Missing mandatory value: ")[1]
            raise UserError(f"{key} is needed: give {key}=…") from error
        raise UserError(f"{error.full_key}: {message}" if error.full_key else message) from error


def from_resolved(plain: dict[str, Any]) -> Config:
    """Type-check plain values such as a run's config.yaml holds, a stranger's too: none of them is interpolated. Raises `UserError`."""
    run = typed.fill(Run, {key: plain[key] for key in Run.__dataclass_fields__ if key in plain}, "")
    top = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    task = typed.build(plain["task"], "task")
    return Config(
        **top | {"offline": run.offline or network.switch() is not None},
        scale=plain["scale"],
        recipe=plain["recipe"],
        data=typed.fill(Data, plain["data"], "data"),
        model=typed.fill(Model, plain["model"], "model"),
        train=typed.fill(Train, plain["train"], "train"),
        method=typed.build(plain["method"], "method"),
        generation=_generation(plain, written=not task.label_words),
        task=task,
        tracker=typed.build(plain["tracker"], "tracker"),
        resolved={key: value for key, value in plain.items() if key != "generation" or not task.label_words},
    )


def _generation(plain: dict[str, Any], written: bool) -> Generation | None:
    """The section `generation` of a task that is written; a classification has none."""
    if written:
        return typed.fill(Generation, plain["generation"], "generation")
    given = typed.section_of(plain.get("generation", {}), "generation")
    for key, value in given.items():
        if value is not None:
            raise UserError(
                f"generation.{key}={value}: task={plain['task']['name']} is answered by label words, not by generated text"
            )
    return None
