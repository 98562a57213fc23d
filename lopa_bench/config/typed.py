"""Plain values into typed, checked objects; what is wrong with them, in one line."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from lopa_bench.config.files import trusted
from lopa_bench.config.mistyped import one_line, shown
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
        fields = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        raise UserError(one_line(error.errors(), values, key, fields)) from error


def section_of(values: Any, key: str) -> Mapping[str, Any]:
    """The values of a section. Raises `UserError` where one value stands in the place of all of them, as after ``train=5``."""
    if not isinstance(values, Mapping):
        raise UserError(f"{key}={shown(values)}: {key} holds keys and is no value; give one of them, {key}.KEY=…")
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
