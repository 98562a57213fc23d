"""Whether a method of one's own reads each row by itself: where it does not, an answer hangs on the rows beside it in a batch."""

from __future__ import annotations

import torch

from lopa_bench.config.class_code import fingerprint
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Split
from lopa_bench.run.shard import gathered

ROWS = 4
# Of a standard deviation of the states: rounding moves them by up to 1e-5 in fp32 and 0.03 in bf16, over all families of transformers.
MOST = {torch.float32: 1e-3, torch.bfloat16: 0.1}


@torch.no_grad()
def check_alone(model: AdaptedModel, split: Split, config: Config) -> None:
    """Raise `UserError` where the states that rows are answered from are others if the rows are read together.

    Our own methods are tested for it (tests/methods/test_contract.py). Asked before training and after it, since a prompt that is zero at
    the start mixes nothing yet.
    """
    own: type = type(config.method)
    distinct = {tuple(row.ids): number for number, row in enumerate(split.rows)}  # alike ones mix unseen
    rows = list(distinct.values())[:ROWS]
    if fingerprint(own) is None or len(rows) < 2:
        return
    model.eval()
    device = model.backbone.device
    with gathered(model):
        together, again = (model.states(split.batch(rows).to(device)).float() for _ in range(2))
        alone = torch.cat([model.states(split.batch([row]).to(device)).float() for row in rows])
    most = MOST[model.backbone.dtype] * together.std()
    if (together - again).abs().max() > most:
        raise UserError(
            f"method={config.method.name}: it draws random numbers while it answers, so that no answer is its own; draw in training alone"
        )
    if (together - alone).abs().max() > most:
        told = "what it makes of a row hangs on the other rows of its batch (a mean over it, a BatchNorm)"
        raise UserError(
            f"method={config.method.name}: {told}, so its answers would hang on train.eval_batch_size; treat each row by itself"
        )
