"""Plain values into typed, checked objects; what is wrong with them, in one line."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from lopa_bench.config.files import trusted
from lopa_bench.config.keys import spell
from lopa_bench.config.nearest import hint, not_one_of
from lopa_bench.errors import UserError, in_a_line

T = TypeVar("T")


def build(values: Mapping[str, Any], section: str) -> Any:
    """The object that ``_target_`` names, made from the other values: a method, a task, a tracker.

    Values may come from a stranger's file, so a class is made only if it is lopa-bench's, a plugin's, or named by a YAML file of one's own
    (`files.trusted`), and only if its base says that it belongs here (``section = "method"``). Nothing below it is made of a ``_target_``.

    Raises:
        UserError: naming the key, the value and what would be valid.
    """
    values = dict(section_of(values, section))
    cls = class_of(values.pop("_target_", None), section)
    if nested := _nested_target(values, section):
        raise UserError(f"{nested}: only a section itself is made of a class; take it out")
    return fill(cls, values, section)


def fill(cls: type[T], values: Mapping[str, Any], key: str) -> T:
    """A settings class made from the values below `key`. Raises `UserError` as `build` does."""
    try:
        return cls(**section_of(values, key))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        fields = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        raise UserError(_one_line(first, key, fields)) from error


def section_of(values: Any, key: str) -> Mapping[str, Any]:
    """The values of a section. Raises `UserError` where one value stands in the place of all of them, as after ``train=5``."""
    if not isinstance(values, Mapping):
        raise UserError(f"{key}={_shown(values)}: {key} holds keys and is no value; give one of them, {key}.KEY=…")
    return values


def class_of(path: Any, section: str) -> type[Any]:
    """The class that a `_target_` of this section names, of a kind that `build` makes. Raises `UserError` as `build` does."""
    if not isinstance(path, str) or not trusted(path):
        raise UserError(
            f"{section}._target_={path}: is not made, since it is no class of lopa-bench, of an installed plugin or of a YAML file "
            "below your conf.path=DIR"
        )
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module of one's own raises
        said = in_a_line(error, kind=True)
        raise UserError(f"{section}._target_={path}: cannot be imported ({said})") from error
    if not (isinstance(cls, type) and getattr(cls, "section", None) == section):
        raise UserError(
            f"{section}._target_={path}: is no {section}; it must be derived from lopa-bench's own base class"
        )
    return cls


def _nested_target(values: Any, key: str) -> str | None:
    if isinstance(values, Mapping):
        parts = [(f"{key}.{name}", value) for name, value in values.items()]
        own = [name for name, _ in parts if name.endswith("._target_")]
    else:
        parts, own = [(key, value) for value in values] if isinstance(values, list) else [], []
    return next((found for found in [*own, *(_nested_target(value, name) for name, value in parts)] if found), None)


def _one_line(error: Any, prefix: str, fields: list[str]) -> str:
    """A pydantic error as `key=value: what is wrong; what would be valid`."""
    # Union members ("int", "constrained-float") are part of pydantic's location, not of the user's key.
    location = [str(part) for part in error["loc"]]
    key = ".".join([prefix, *location[:1]] if prefix else location[:1]) or prefix
    value, context = error["input"], error.get("ctx", {})
    shown = _shown(value)
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        return f"{key} is not a key here{hint(location[0], fields, f'{prefix}.{{}}')}"
    if error["type"] in {"missing", "missing_argument"}:
        return f"{key} is needed: give {key}=…"
    if error["type"] == "literal_error":
        options = [o.strip(" '") for o in context["expected"].replace(" or ", ",").split(",")]
        return not_one_of(key, str(shown), options)
    for bound, words in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
        if bound in context:
            limit = spell(context[bound])
            near = f"; nearest: {key}={limit}" if bound in {"ge", "le"} else ""
            return f"{key}={shown} must be {words} {limit}{near}"
    if error["type"] == "value_error":
        return f"{key}={shown}: {context['error']}" if location else str(context["error"])
    wanted = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "string": "text",
        "finite": "a finite number",
    }
    kind = error["type"].split("_")[0]
    return f"{key}={shown} is not {wanted[kind]}" if kind in wanted else f"{key}={shown}: {error['msg']}"


def _shown(value: Any) -> str:
    """A value as a line of an error has room for it."""
    plain = isinstance(value, (str, int, float, bool, list)) or value is None
    text = str(value) if plain else type(value).__name__
    return text if len(text) <= 80 else f"{text[:76]}…"
