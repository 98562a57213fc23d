"""Overrides as the shell gives them, spelled for Hydra: its grammar would take signs of a folder's name for its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from lopa_bench.config.keys import key_of, spell

PATHS = {"path", "dir", "results_dir"}  # last parts of the keys whose values are paths
FILES = {"data.train", "data.validation", "data.test"}


def is_path(key: str) -> bool:
    """Whether the value of a dotted key is a path, whatever it holds."""
    return key.rpartition(".")[-1] in PATHS or key in FILES or key == "init_from"


def quoted(key: str, value: object) -> str:
    """``key='value'`` with the value as it is, whatever its signs (Hydra: backslashes before a quote count double)."""
    text = re.sub(r"(\\*)'", r"\1\1\\'", str(value))
    ending = len(text) - len(text.rstrip("\\"))
    return f"{key}='{text}{text[len(text) - ending :]}'"


def override(key: str, value: object) -> str:
    """``key=value`` as Hydra reads this very value from it: a text that it would take for a number or for its own signs in quotes."""
    if isinstance(value, Mapping):
        return f"{key}={{{','.join(override(str(name), own).replace('=', ':', 1) for name, own in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"{key}=[{','.join(override('', own)[1:] for own in value)}]"
    if not isinstance(value, str):
        return f"{key}={spell(value)}"
    parsed = read(f"key={value}") if value else None  # an empty text would be no item of a list
    return f"{key}={value}" if parsed is not None and parsed.value() == value else quoted(key, value)


def as_meant(word: str, multirun: bool = False) -> str:
    """An override whose value Hydra reads as the user typed it: ``model.path=epoch=3`` and ``model.path=a,b`` are folders.

    What Hydra's grammar does not read is plain text; a path is so even where it does, but for a sweep (`multirun`) over several,
    a ``${…}`` or quotes of the user's own.
    """
    key, equals, value = word.partition("=")
    if not equals or not value or not re.fullmatch(r"\+{0,2}[\w./@:-]+", key):
        return word
    parsed = read(word)
    if parsed is None:
        return quoted(key, value)
    own = "${" in value or value.lower() == "null" or (len(value) > 1 and value[0] == value[-1] and value[0] in "'\"")
    several = multirun and parsed.is_sweep_override()
    if is_path(key_of(word)) and not own and not several and parsed.value() != value:
        return quoted(key, value)
    return word


def pair(word: str) -> tuple[str, Any]:
    """Key and value of an override, the value as Hydra reads it: ``train.lr=1e-3`` is of 0.001."""
    key, _, text = word.partition("=")
    parsed = read(as_meant(word))
    return key, text if parsed is None or parsed.is_sweep_override() else parsed.value()


def read(word: str) -> Override | None:
    """The override as Hydra reads it; None where it does not."""
    try:
        return OverridesParser.create().parse_overrides([word])[0]
    except HydraException:
        return None
