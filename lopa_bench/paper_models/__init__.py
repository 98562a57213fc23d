"""Shapes of the paper's models: each folder's config.json holds the published sizes, and no weights. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.errors import UserError
from lopa_bench.model_files import ModelFiles
from lopa_bench.suggest import nearest

if TYPE_CHECKING:
    from lopa_bench.backbone import Backbone

FOLDER = Path(__file__).parent


def names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/config.json"))


def files(name: str) -> ModelFiles:
    """Raises `UserError` for a name that is not shipped."""
    if name not in names():
        raise UserError(f"{name} is not one of {', '.join(names())}; nearest: {nearest(name, names())}")
    return ModelFiles(name, FOLDER / name, None, True)


def build(found: ModelFiles, device: str) -> Backbone:
    """A model's modules without its weights: on the meta device all shapes and no memory, elsewhere random values. It has no tokenizer."""
    import torch
    from transformers import AutoConfig

    from lopa_bench.backbone import AUTO_CLASSES, Backbone
    from lopa_bench.schema import Model

    settings = Model(
        name=found.source,
        path=found.source,
        revision=None,
        kind=found.kind,
        encoder="backbone",
        encoder_revision=None,
        lora_targets=None,
    )
    with torch.device(device):
        model = AUTO_CLASSES[found.kind].from_config(AutoConfig.from_pretrained(found.folder))
    return Backbone(model, None, found, settings, torch.float32)


def on_meta(name: str) -> Backbone:
    """`build` of one of `names` on the meta device."""
    return build(files(name), "meta")
