"""Overrides into a config's values without Hydra, in a millisecond or two where Hydra takes 200: plans ask for hundreds of configs.

Hydra composes a scale, a model and an encoder, whose files have defaults of their own, once for each choice of them; a task, a method, a
recipe and a tracker are what their files say, and an override sets a key that is there. Whatever else an override may be is `Beyond` this,
wrong ones too: Hydra then does it, or says what is wrong. tests/config/test_derive.py holds that both give the same values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from lopa_bench.config import files
from lopa_bench.config.resolve import Beyond, Resolving, plain

WHOLE = ("task", "method", "recipe", "tracker")  # groups whose files stand for themselves

Values = dict[str, Any]


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
        return {key: {"name": root[key]["name"]} if key == "scale" else plain(root[key]) for key in root}
    except (KeyError, RecursionError) as error:
        raise Beyond(str(error)) from error
