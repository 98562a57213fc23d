"""What Hydra 1.3 with OmegaConf 2.3 wants told otherwise than Hydra 1.4 with OmegaConf 2.4."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import hydra
import omegaconf
from omegaconf import OmegaConf


def release(package: ModuleType) -> tuple[int, ...]:
    """Major and minor number, which a release candidate has too."""
    return tuple(int(part) for part in str(package.__version__).split(".")[:2])


# Hydra 1.3 warns where nobody says whose defaults are meant, 1.4 where somebody does: its own are those of 1.3.
HYDRA_BASE: dict[str, Any] = {"version_base": "1.3"} if release(hydra) < (1, 4) else {}


def register_resolver(name: str, resolver: Callable[..., Any]) -> None:
    """Make `resolver` what ``${name:…}`` means, in place of any before it."""
    old = release(omegaconf) < (2, 4)  # whose `register_resolver` is that of OmegaConf 2.0
    register: Callable[..., None] = OmegaConf.register_new_resolver if old else OmegaConf.register_resolver
    register(name, resolver, replace=True)
