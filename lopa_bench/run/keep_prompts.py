"""What a LOPA run keeps of its prompts: `report/prompts.py` says the file's layout, `report/offsets.py` draws it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.lopa import Lopa
from lopa_bench.methods.soft_prompt import SoftPromptModel
from lopa_bench.models.batches import Split
from lopa_bench.results.prompts import EXAMPLES, NAME, pack_prompts


@torch.no_grad()
def kept_prompts(model: AdaptedModel, split: Split, labels: Sequence[str]) -> dict[str, bytes]:
    """``prompts.npz`` with Z_S and the factors of Z_I for the split's first rows, if the method is gated LOPA; else nothing."""
    if not (isinstance(model, SoftPromptModel) and isinstance(model.method, Lopa) and model.method.combine == "gate"):
        return {}
    model.eval()
    kept = range(min(EXAMPLES, len(split)))
    batch = split.batch(kept).to(model.backbone.device)
    u, v = model.method.factors(model.parts, model.features(batch))
    z_s, u, v = (array.float().cpu().numpy() for array in (model.parts.z_s, u, v))
    return {NAME: pack_prompts(z_s, u, v, [labels[i] for i in kept])}
