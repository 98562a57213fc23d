"""Shapes of the paper's models: each folder's config.json holds the published sizes, and no weights. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.config.files import is_choice, read
from lopa_bench.config.nearest import hint
from lopa_bench.config.places import KEYS
from lopa_bench.errors import UserError
from lopa_bench.host.shelf import Shelf
from lopa_bench.models.files import ModelFiles

if TYPE_CHECKING:
    import torch

    from lopa_bench.config.schema import Model
    from lopa_bench.models.backbone import Backbone

FOLDER = Path(__file__).parent
_KEPT: Shelf[Backbone] = Shelf(16)


def names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/config.json"))


def files(name: str) -> ModelFiles:
    """Raises `UserError` for a name that is not shipped."""
    if name not in names():
        raise UserError(f"{name} is not one of {', '.join(names())}{hint(name, names())}")
    return ModelFiles(name, FOLDER / name, None, True)


def of(path: str) -> ModelFiles:
    """The shape of the model that conf/model or conf/encoder calls `path`. Raises `UserError` where none is shipped."""
    for group, key in KEYS.items():
        for name in names():
            if is_choice(group, name) and read(f"{group}/{name}")[key] == path:
                return files(name)
    raise UserError(f"{path}: neither on this machine nor one of the paper's models, so its sizes are not known")


def build(found: ModelFiles, device: str, dtype: torch.dtype | None = None, settings: Model | None = None) -> Backbone:
    """A model's modules without its weights: on the meta device all shapes and no memory, elsewhere random values. It has no tokenizer.

    `dtype` is that of parameters which are not trained (fp32), `settings` what the run says of the model.
    """
    import torch
    from transformers import AutoConfig

    from lopa_bench.config.schema import Model
    from lopa_bench.models.backbone import AUTO_CLASSES, Backbone

    settings = settings or Model(
        name=Path(found.source).name,
        path=found.source,
        revision=None,
        kind=found.kind,
        encoder="backbone",
        encoder_revision=None,
        lora_targets=None,
    )
    with torch.device(device):
        # In fp32, as a run loads it, whatever precision the file is kept in.
        model = AUTO_CLASSES[found.kind].from_config(
            AutoConfig.from_pretrained(found.folder or found.source), dtype=torch.float32
        )
    return Backbone(model, None, found, settings, dtype or torch.float32)


def kept(found: ModelFiles) -> Backbone:
    """`build` on the meta device, once for each config.json: to look at, not to adapt."""
    key = json.dumps([found.kind, found.config], sort_keys=True)
    return _KEPT.get(key, lambda: build(found, "meta"))


def on_meta(name: str) -> Backbone:
    """`build` of one of `names` on the meta device."""
    return build(files(name), "meta")
