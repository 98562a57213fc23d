"""The parameters and modules that a method brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

Part = nn.Module | nn.Parameter


class Parts(nn.Module):
    """A method's own parameters and modules, as attributes."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
