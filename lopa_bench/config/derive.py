"""Overrides into a config's values without Hydra, in a millisecond or two where Hydra takes 200: plans ask for hundreds of configs.

Hydra composes a scale, a model and an encoder, whose files have defaults of their own, once for each choice of them; a task, a method, a
recipe and a tracker are what their files say, and an override sets a key that is there. Whatever else an override may be is `Beyond` this,
wrong ones too: Hydra then does it, or says what is wrong. tests/config/test_derive.py holds that both give the same values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig

from lopa_bench.config import files, recipe
from lopa_bench.config.places import folder_name

WHOLE = ("task", "method", "recipe", "tracker")  # groups whose files stand for themselves
MISSING = "???"  # OmegaConf's word for a value that has to be given

Values = dict[str, Any]


class Beyond(Exception):
    """What only Hydra can do, or refuse."""


def derived(overrides: Sequence[str], compose: Callable[[tuple[str, ...]], Values]) -> Values:
    """The composed values, interpolations not resolved.

    Args:
        compose: Hydra's answer to some of the overrides, as plain values; asked for the choices that only Hydra can compose.

    Raises:
        Beyond: an override that is not a choice of a group or a value for a key that is there.
    """
    parsed = [_parsed(text) for text in overrides]
    keys = [override.key_or_group for override in parsed]
    if len(set(keys)) < len(keys):
        raise Beyond("a key twice")
    groups = set(files.groups())
    nested = [text for text, key in zip(overrides, keys, strict=True) if key in groups - set(WHOLE) or key == files.OWN]
    values = compose(tuple(nested))
    for override, key in zip(parsed, keys, strict=True):
        if key in WHOLE:
            values = {**values, key: _file(key, str(override.value()))}
    for override, key in zip(parsed, keys, strict=True):  # after every choice, wherever they stand
        if key not in groups:
            values = _with(values, key.split("."), override.value())
    return values


@functools.lru_cache(4096)
def _parsed(text: str) -> Override:
    try:
        (override,) = OverridesParser.create().parse_overrides([text])
    except HydraException as error:
        raise Beyond(text) from error
    plain = not (override.is_add() or override.is_delete() or override.is_sweep_override() or override.package)
    if not plain or override.key_or_group.startswith(("hydra", "scale.", "recipe.")):
        raise Beyond(text)
    return override


def _file(group: str, name: str) -> Values:
    if not files.is_choice(group, name) or not files.whole(f"{group}/{name}"):
        raise Beyond(name)
    return files.read(f"{group}/{name}")


def _with(values: Any, parts: Sequence[str], value: Any) -> Values:
    """The values with another one at a key that is there."""
    first, *rest = parts
    if not isinstance(values, Mapping) or first not in values:
        raise Beyond(first)
    if rest:
        return {**values, first: _with(values[first], rest, value)}
    if isinstance(values[first], Mapping) or isinstance(value, Mapping):
        raise Beyond(first)
    return {**values, first: value}


def resolved(values: Values) -> Values:
    """Composed values with interpolations replaced by what they stand for; of the scale its name alone.

    Raises:
        Beyond: one that stands for nothing, or in a form that conf/ does not use.
    """
    root = Resolving(values)
    try:
        return {key: {"name": root[key]["name"]} if key == "scale" else _plain(root[key]) for key in root}
    except (KeyError, RecursionError) as error:
        raise Beyond(str(error)) from error


def _plain(value: Any) -> Any:
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


class Resolving(Mapping[str, Any]):
    """A mapping whose interpolations are resolved when they are read.

    Args:
        root: the whole config, in which they are looked up.
    """

    def __init__(self, values: Mapping[str, Any], root: Resolving | None = None) -> None:
        self._values, self._root = values, root or self

    def __getitem__(self, key: str) -> Any:
        return self._of(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _of(self, written: Any) -> Any:
        if isinstance(written, Mapping):
            return Resolving(written, self._root)
        if isinstance(written, list):
            return [self._of(item) for item in written]
        if not isinstance(written, str):
            return written
        if written == MISSING or ("${" in written and "\\" in written):
            raise Beyond(written)
        return self._text(written)

    def _text(self, written: str) -> Any:
        """The value of a text that is an interpolation, or the text with those in it replaced."""
        start = written.find("${")
        if start < 0:
            return written
        end = _closing(written, start + 2)
        found, after = self._reference(written[start + 2 : end]), written[end + 1 :]
        if not start and not after:
            return found
        if not isinstance(found, str):
            raise Beyond(written)
        return f"{written[:start]}{found}{self._text(after)}"

    def _reference(self, inside: str) -> Any:
        """What ``${inside}`` stands for: a resolver's answer, or the value at a dotted key."""
        name, colon, argument = inside.partition(":")
        if colon and name in RESOLVERS:
            return RESOLVERS[name](self._root, *([self._text(argument)] if argument else []))
        found: Any = self._root
        for part in str(self._text(inside)).split("."):
            if not isinstance(found, Resolving):
                raise Beyond(inside)
            found = found[part]
        return found


def _closing(text: str, start: int) -> int:
    """Where the brace is that closes the one before `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return place
    raise Beyond(text)


def _setting(root: Mapping[str, Any], key: str) -> Any:
    """``${setting:KEY}``: the value of the recipe."""
    task, method = root["task"], root["method"]
    trains_encoder = key != recipe.FREEZE and method.get(recipe.FREEZE) is False
    names = task["name"], task["family"], _model(root), method["name"]
    return recipe.setting(key, root["recipe"], root["scale"]["recipe"], *names, trains_encoder)


def _model(root: Mapping[str, Any]) -> str | None:
    """The model's name; None where it cannot be told, which is said where the model is asked for."""
    try:
        return str(root["model"]["name"])
    except Exception:  # OmegaConf's many, or this module's
        return None


def _data_source(root: Mapping[str, Any]) -> str:
    """Files where the user names some, or where the task has no rows but those; else the scale's."""
    data = root["data"]
    given = any(data[key] for key in ("dir", "train", "validation", "test"))
    return "files" if given or not root["task"]["files"] else str(root["scale"]["data"]["source"])


def _folder_name(_: Mapping[str, Any], path: str) -> str:
    return folder_name(path)


def _files_or_hub(_: Mapping[str, Any], folder: str | None) -> str:
    return "hub" if folder is None else "files"


def _label_words(root: Mapping[str, Any]) -> list[str]:
    return recipe.label_words(root["task"])


# What ``${NAME:…}`` in conf/ stands for: of the whole config (resolved where it is read, by OmegaConf or here) and the argument.
RESOLVERS: dict[str, Callable[..., Any]] = {
    "setting": _setting,
    "data_source": _data_source,
    "label_words": _label_words,
    "folder_name": _folder_name,
    "files_or_hub": _files_or_hub,
}


def as_omegaconf(name: str) -> Callable[..., Any]:
    """The resolver `name` in the form of OmegaConf's."""

    def resolver(*arguments: Any, _root_: DictConfig) -> Any:
        return RESOLVERS[name](_root_, *arguments)

    return resolver
