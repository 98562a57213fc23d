"""What the jobs of one process share of the models they read."""

import weakref
from functools import partial

import pytest
import torch

from lopa_bench.config.schema import Model
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.layers import checkpoint_layers
from lopa_bench.models.shelf import MODELS


def of(tiny_models):
    return Model(
        name="tiny",
        path=str(tiny_models("gpt2")),
        revision=None,
        kind="auto",
        encoder=str(tiny_models("roberta")),
        encoder_revision=None,
        lora_targets=None,
    )


def test_a_large_model_is_gone_when_the_next_job_loads_its_own(tiny_models, monkeypatch):
    """Though it has a hook that knows it, as with train.gradient_checkpointing."""
    MODELS.clear()
    monkeypatch.setattr("lopa_bench.models.shelf.MODEL_BYTES", 0)
    load = partial(Backbone.load, of(tiny_models), "fp32", torch.device("cpu"), offline=True)
    before = load()
    checkpoint_layers(before.model, before.recomputing)
    earlier = weakref.ref(before.model)
    del before
    load()
    assert earlier() is None


@pytest.mark.parametrize("native", [True, False])
def test_auto_asks_the_device_that_computes(tiny_models, monkeypatch, native):
    """Sharded weights are read on the CPU; a GPU before Ampere emulates bf16, which does not count."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: not native)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    backbone = Backbone.load(of(tiny_models), "auto", cpu, offline=True, computing=gpu)
    assert (backbone.dtype is torch.bfloat16) == native


def test_a_frozen_encoder_is_one_for_all_and_a_trained_one_is_its_jobs_own(tiny_models):
    MODELS.clear()
    backbones = [Backbone.load(of(tiny_models), "fp32", torch.device("cpu"), offline=True) for _ in range(2)]
    frozen, again = (InstanceEncoder.beside(each, "mean", frozen=True).module for each in backbones)
    trained, another = (InstanceEncoder.beside(each, "mean", frozen=False).module for each in backbones)
    assert frozen is again
    assert not any(p.requires_grad for p in frozen.parameters())
    assert all(p.requires_grad for each in (trained, another) for p in each.parameters())
    assert len({p.data_ptr() for each in (frozen, trained, another) for p in each.parameters()}) == 3 * len(
        list(frozen.parameters())
    )
    assert backbones[0].model is not backbones[1].model  # a method may change it
