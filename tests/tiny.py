"""Any method of conf/method on a tiny model of any architecture, and batches for it."""

import copy
from dataclasses import replace  # noqa: F401
from functools import cache

import torch

from lopa_bench.config.compose import load_config
from lopa_bench.config.schema import Config
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch, Row, Split

MASKED, CAUSAL = ["roberta", "bert"], ["gpt2", "codegen", "llama", "phi", "phi3"]
SMALL = {"num_virtual_tokens": 4, "head_size": 16, "mlp_width": 8, "bottleneck": 8, "max_length": 40, "select": 1}


@cache
def settings(folder, method, *overrides) -> Config:
    """The config of a method, made small, on the model in `folder`."""
    base = [f"method={method}", "model=local", f"model.path={folder}"]
    known = load_config(base).resolved["method"]
    return load_config([*base, *(f"method.{k}={v}" for k, v in SMALL.items() if k in known), *overrides])


@cache
def _backbone(folder, precision):
    return Backbone.load(settings(folder, "none").model, precision, torch.device("cpu"), offline=True)


def adapt(folder, method, *overrides, precision="fp32") -> AdaptedModel:
    """The method's model in evaluation mode, the same for the same arguments."""
    torch.manual_seed(0)
    return settings(folder, method, *overrides).method.adapt(copy.deepcopy(_backbone(folder, precision))).eval()


def rows(model, lengths=(9, 5, 7, 12), seed=0) -> list[Row]:
    """Rows of random tokens: a masked LM answers at the last position but one, a causal one at the three before its last."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for n in lengths:
        ids = torch.randint(10, 300, (n,), generator=generator).tolist()
        columns = [n - 2] if model.backbone.kind == "masked" else [n - 4, n - 3, n - 2]
        targets = [17 + ids[0] % 2] if model.backbone.kind == "masked" else [ids[column + 1] for column in columns]
        made.append(Row(ids, columns, targets, ids if model.encoder is not None else []))
    return made


def batch(model, chosen: list[Row]) -> Batch:
    """A batch of these rows, with instance features where the encoder is frozen."""
    split = Split(chosen, model.backbone.tokenizer.pad_token_id)
    if model.encoder is not None and model.encoder.frozen:
        split.features = model.encoder.features([row.encoder_ids for row in chosen])
    return split.batch(range(len(chosen)))


def perturbed(model: AdaptedModel, scale=0.3) -> AdaptedModel:
    """The model with every trained parameter moved, so that what starts at zero has an effect."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.trainable().values():
            parameter += scale * torch.randn(parameter.shape, generator=generator)
    return model
