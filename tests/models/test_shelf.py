"""What the jobs of one process share of the models they read."""

import torch

from lopa_bench.config.schema import Model
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.shelf import MODELS


def test_a_frozen_encoder_is_one_for_all_and_a_trained_one_is_its_jobs_own(tiny_models):
    MODELS.clear()
    model = Model(
        name="tiny",
        path=str(tiny_models("gpt2")),
        revision=None,
        kind="auto",
        encoder=str(tiny_models("roberta")),
        encoder_revision=None,
        lora_targets=None,
    )
    backbones = [Backbone.load(model, "fp32", torch.device("cpu"), offline=True) for _ in range(2)]
    frozen, again = (InstanceEncoder.beside(each, "mean", frozen=True).module for each in backbones)
    trained, another = (InstanceEncoder.beside(each, "mean", frozen=False).module for each in backbones)
    assert frozen is again
    assert not any(p.requires_grad for p in frozen.parameters())
    assert all(p.requires_grad for each in (trained, another) for p in each.parameters())
    assert len({p.data_ptr() for each in (frozen, trained, another) for p in each.parameters()}) == 3 * len(
        list(frozen.parameters())
    )
    assert backbones[0].model is not backbones[1].model  # a method may change it
