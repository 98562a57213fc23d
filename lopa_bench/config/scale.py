"""The models of a scale, and the scale of a run that names none: a real model on real rows does not take the embedded scale's recipe."""

from __future__ import annotations

from collections.abc import Sequence

from lopa_bench.config import files
from lopa_bench.config.keys import key_of

EMBEDDED = ("by_scale", "mini_mlm", "mini_clm")  # values of `model` that take what ships with the package
REAL = ("files", "hub")  # values of data.source


def models_of(scale: str) -> dict[str, str]:
    """Family of tasks -> the model that conf/scale/<scale>.yaml gives it."""
    entries = files.read(f"scale/{scale}").get("defaults", [])
    return {key.rpartition(".")[2]: name for entry in entries for key, name in entry.items()}


def implied(overrides: Sequence[str]) -> list[str]:
    """``["scale=small"]`` where overrides ask for a model and rows of one's own and for no scale, else nothing.

    scale=mini, the default of everything else, cuts rows after 64 tokens and has learning rates for the embedded model.
    """
    given = {key_of(word): word.partition("=")[2] for word in overrides}
    folder = _value(given, "data.dir", "null") not in ("null", "")
    real = folder or "data.train" in given or _value(given, "data.source", "mini") in REAL
    if "scale" in given or not real:
        return []
    models = _value(given, "model", "by_scale").split(",")
    return [] if set(models) <= set(EMBEDDED) else ["scale=small"]


def notice(overrides: Sequence[str]) -> str | None:
    """The line that says so."""
    if not implied(overrides):
        return None
    return "scale=small is taken, since model and rows are not the embedded ones; scale=mini or scale=paper takes that recipe"


def _value(given: dict[str, str], key: str, default: str) -> str:
    return given.get(key, default).strip("'\"")
