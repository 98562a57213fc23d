"""LoRA and VeRA: the layer that peft is told to make, and which layers are adapted."""

import pytest
import tiny
import torch

from lopa_bench.methods.lora import default_targets

TARGETS = {
    "roberta": "query key value",
    "llama": "q_proj k_proj v_proj",
    "phi": "q_proj k_proj v_proj",
    "phi3": "qkv_proj",
    "codegen": "qkv_proj",
    "gpt2": "c_attn",
}


@torch.no_grad()
def test_lora_adds_alpha_over_rank_times_b_a(tiny_models):
    model = tiny.perturbed(
        tiny.adapt(tiny_models("roberta"), "lora", "method.rank=2", "method.alpha=6", "method.dropout=0.3")
    )
    layer = next(module for module in model.modules() if hasattr(module, "lora_A"))
    x, a, b = torch.randn(5, 32), layer.lora_A["default"].weight, layer.lora_B["default"].weight
    torch.testing.assert_close(layer(x), layer.base_layer(x) + 6 / 2 * x @ a.T @ b.T)
    assert layer.lora_dropout["default"].p == 0.3


def test_veras_frozen_pair_is_of_its_seed(tiny_models):
    def pair(seed):
        model = tiny.adapt(tiny_models("roberta"), "vera", f"method.projection_seed={seed}", "method.dropout=0.3")
        layer = next(module for module in model.modules() if hasattr(module, "vera_lambda_b"))
        assert layer.vera_dropout["default"].p == 0.3
        return layer.vera_A["default"]

    assert torch.equal(pair(3), pair(3))
    assert not torch.equal(pair(3), pair(4))


@pytest.mark.parametrize("architecture", ["roberta", "llama", "phi", "phi3", "codegen", "gpt2"])
def test_query_key_and_value_are_adapted(architecture, tiny_models):
    model = tiny.adapt(tiny_models(architecture), "none").backbone.model
    assert set(default_targets(model)) == set(TARGETS[architecture].split())
