"""The sizes that a method's parameters depend on. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lopa_bench.config.fields import Kind


@dataclass(frozen=True)
class Shape:
    """The sizes of a backbone and its instance encoder that parameter counts depend on.

    Attributes:
        width: D, the backbone's embedding width.
        layers: L, its transformer layers.
        key_width: K, the width of a layer's keys: D, or less with grouped queries.
        encoder_width: E, the instance encoder's width.
        positions: tokens the backbone can read, virtual ones included.
        parameters: of the whole backbone.
        window: places that some layer sees, where it does not see all.
        encoder_kind, kind: the instance encoder's and the backbone's kind of LM; None where that is not known.
    """

    width: int
    layers: int
    key_width: int
    encoder_width: int
    positions: int
    parameters: int
    encoder_kind: Kind | None = None
    kind: Kind | None = None
    window: int | None = None

    def objection(self, features_from: str | None) -> str | None:
        """Why f(x) cannot be this state of the instance encoder, ``first`` or ``mean``, or None."""
        if features_from != "first" or self.encoder_kind != "causal":
            return None
        return (
            "method.pooling=first: the instance encoder is a causal LM, whose first token has seen no other; "
            "nearest: method.pooling=mean, or a masked LM as model.encoder=…"
        )


def window_of(config: Mapping[str, Any]) -> int | None:
    """The smallest window of places that a config.json names (Mistral's `sliding_window`, GPT-Neo's `window_size`), or None."""
    named = [value for key, value in config.items() if key.endswith(("window", "window_size")) and type(value) is int]
    return None if config.get("use_sliding_window") is False else min(named, default=None)
