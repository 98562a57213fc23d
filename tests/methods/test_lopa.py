"""LOPA's equations against explicit loops."""

import math

import pytest
import tiny
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.methods.heads import PHMLinear
from lopa_bench.methods.parts import Parts
from lopa_bench.models.shape import Shape

SHAPE = Shape(width=12, layers=1, key_width=12, encoder_width=8, positions=100, parameters=0)
VARIANTS = ["lopa", "lopa_add", "lopa_max", "lopa_concat", "lopa_phm"]


def made(method, rank, *overrides):
    settings = load_config(
        [f"method={method}", "method.num_virtual_tokens=4", f"method.rank={rank}", "method.head_size=16", *overrides]
    ).method
    torch.manual_seed(0)
    parts = Parts(settings.parts(SHAPE)).eval()
    return settings, parts, 5 * torch.randn(3, SHAPE.encoder_width)


COMBINED = {
    "lopa": lambda s, i: s / (1 + math.exp(-i)),
    "lopa_add": lambda s, i: s + i,
    "lopa_max": max,
}


@torch.no_grad()
@pytest.mark.parametrize("method", ["lopa", "lopa_add", "lopa_max", "lopa_concat"])
def test_against_an_explicit_loop(method):
    settings, parts, features = made(method, rank=2)
    prompt = settings.prompt(parts, features, 3)
    row, column = parts.row(features), parts.column(features)  # [B, M·R] and [B, D·R], R fastest
    for b in range(3):
        for m in range(4):
            for d in range(12):
                z_s = parts.z_s[m, d].item()
                z_i = sum(row[b, 2 * m + r].item() * column[b, 2 * d + r].item() for r in range(2))
                if method == "lopa_concat":
                    assert prompt[b, m, d].item() == pytest.approx(z_s)
                    assert prompt[b, 4 + m, d].item() == pytest.approx(z_i, abs=1e-6)
                else:
                    assert prompt[b, m, d].item() == pytest.approx(COMBINED[method](z_s, z_i), abs=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("method", VARIANTS)
def test_the_instance_prompt_has_rank_r(method, rank):
    settings, parts, features = made(method, rank, *(["method.phm_blocks=2"] if method == "lopa_phm" else []))
    u, v = settings.factors(parts, features)
    ranks = torch.linalg.matrix_rank(u @ v.mT)
    assert (ranks == rank).all()


@torch.no_grad()
@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_phm_is_a_sum_of_kronecker_products(blocks):
    torch.manual_seed(0)
    layer = PHMLinear(8, 12, blocks)
    weight = torch.zeros(12, 8)
    for i in range(blocks):
        for row in range(12):
            for column in range(8):
                a, s = divmod(row, 12 // blocks), divmod(column, 8 // blocks)
                weight[row, column] += layer.a[i, a[0], s[0]] * layer.s[i, a[1], s[1]]
    kron = sum(torch.kron(layer.a[i], layer.s[i]) for i in range(blocks))
    torch.testing.assert_close(weight, kron)
    x = torch.randn(3, 8)
    torch.testing.assert_close(layer(x), x @ weight.T + layer.bias)


@pytest.mark.parametrize("method", ["lopa_max", "lopa_concat", "lopa_add"])
def test_prompts_are_kept_of_gates_alone(method, tiny_models):
    config = tiny.settings(tiny_models("roberta"), method)
    model = tiny.adapt(tiny_models("roberta"), method)
    assert config.method.keep(model, tiny.batch(model, tiny.rows(model)), [" Yes"] * 4) == {}
