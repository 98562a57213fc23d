"""What ``${…}`` in conf/ stands for: a key's value, or a resolver's answer, of which a scale's recipe is one (``${setting:KEY}``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from lopa_bench.config.places import folder_name

FREEZE = "freeze_encoder"  # the setting of a method that other settings hang on
MISSING = "???"  # OmegaConf's word for a value that has to be given


class Beyond(Exception):
    """What only Hydra and OmegaConf can do, or refuse."""


def plain(value: Any) -> Any:
    """A value with all below it resolved."""
    return {key: plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


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


def setting(
    key: str,
    recipe: Mapping[str, Any],
    scale: Mapping[str, Any],
    task: str,
    family: str,
    model: str | None,
    method: str,
    trains_encoder: bool,
) -> Any:
    """The recipe's, else the scale's value of `key` for this task, its family with this model, or its family.

    Each has a second table for runs that train their instance encoder, `NAME/encoder_trained`, which is asked first. A mapping is looked up
    by method; one that has neither the method nor a `default` is passed over.
    """
    value = recipe.get(key)
    if value is None:
        names = [task, f"{family}/{model}", family]
        if trains_encoder:
            names = [each for name in names for each in (f"{name}/encoder_trained", name)]
        tables = [scale.get(name) or {} for name in names]
        found = (table[key] for table in tables if key in table)
        value = next((each for each in found if not isinstance(each, Mapping) or {method, "default"} & set(each)), None)
    if isinstance(value, Mapping):
        value = value.get(method, value.get("default"))
    return value


def label_words(task: Mapping[str, Any]) -> list[str]:
    """The words that answer a task, in the order of its YAML; none where its answers are written."""
    return list((task.get("label_words") or {}).values())


def _setting(root: Mapping[str, Any], key: str) -> Any:
    """``${setting:KEY}``: the value of the recipe."""
    task, method = root["task"], root["method"]
    trains_encoder = key != FREEZE and method.get(FREEZE) is False
    names = task["name"], task["family"], _model(root), method["name"]
    return setting(key, root["recipe"], root["scale"]["recipe"], *names, trains_encoder)


def _model(root: Mapping[str, Any]) -> str | None:
    """The model's name; None where it cannot be told, which is said where the model is asked for."""
    try:
        return str(root["model"]["name"])
    except (KeyError, Beyond, OmegaConfBaseException):
        return None


def _data_source(root: Mapping[str, Any]) -> str:
    """Files where the user names some, or where the task has no rows but those; else the scale's."""
    data = root["data"]
    given = any(data[key] for key in ("dir", "train", "validation", "test"))
    return "files" if given or not root["task"]["files"] else str(root["scale"]["data"]["source"])


def _folder_name(_: Mapping[str, Any], path: Any) -> str:
    return folder_name(str(path))  # what is no path is told of where it is checked


def _files_or_hub(_: Mapping[str, Any], folder: str | None) -> str:
    return "hub" if folder is None else "files"


def _label_words(root: Mapping[str, Any]) -> list[str]:
    return label_words(root["task"])


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
