"""Numbers that belong to rows: as random as PyTorch's, and the same whatever else is computed with them."""

import math

import pytest
import torch
from torch.nn import functional as F

from lopa_bench.models.dropout import RowDropout

P, SEED, STEP = 0.1, 5, 40


def kept(shape, rows, seed=SEED, step=STEP, places=None, before=0):
    """Which units of ones in this shape are kept, at the site with the number `before`."""
    draws = RowDropout()
    with draws.drawing(seed, step, torch.tensor(rows)):
        draws.places = places
        for _ in range(before):
            F.dropout(torch.ones(len(rows), 1), P)
        values = F.dropout(torch.ones(shape), P)
    assert set(values.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - P)).item()}
    return values > 0


def correlation(one, other):
    return torch.corrcoef(torch.stack([one.flatten().float(), other.flatten().float()]))[0, 1].abs().item()


def test_as_many_are_dropped_as_asked_for():
    """In all, in each row, each column and each place, within 4.5 standard deviations."""
    mask = kept((64, 40, 128), list(range(1000, 1064)))
    for dims in ((0, 1, 2), (1, 2), (0, 2), (0, 1)):
        rates = 1 - mask.float().mean(dims)
        count = math.prod(mask.shape[d] for d in dims)
        assert (rates - P).abs().max() < 4.5 * math.sqrt(P * (1 - P) / count), dims


@pytest.mark.parametrize("shift", [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (3, 2, 5), (32, 0, 0)])
def test_neighbours_are_independent(shift):
    mask = kept((64, 40, 128), list(range(64)))
    assert correlation(mask, mask.roll(shift, (0, 1, 2))) < 4.5 / math.sqrt(mask.numel())


def test_seeds_steps_rows_and_sites_are_independent():
    shape, rows = (16, 40, 128), list(range(16))
    mask = kept(shape, rows)
    others = [
        kept(shape, rows, seed=SEED + 1),
        kept(shape, rows, step=STEP + 1),
        kept(shape, [row + 16 for row in rows]),
        kept(shape, rows, before=1),
        kept(shape, rows, before=2, step=STEP - 1),
    ]
    for number, other in enumerate(others):
        assert correlation(mask, other) < 4.5 / math.sqrt(mask.numel()), number


def test_a_row_draws_its_own_whatever_stands_beside_it():
    """In any order, alone, padded further, and of single positions only."""
    mask = kept((4, 7, 8), [3, 9, 4, 2])
    assert torch.equal(kept((2, 9, 8), [2, 9])[:, :7], mask[[3, 1]])
    assert torch.equal(kept((1, 3, 8), [4]), mask[2:3, :3])
    rows, columns = torch.tensor([0, 0, 3]), torch.tensor([2, 6, 1])
    for shape in ((1, 3, 8), (3, 8)):
        assert torch.equal(kept(shape, [3, 9, 4, 2], places=(rows, columns)).view(3, 8), mask[rows, columns])


def test_what_is_of_no_row_is_the_same_for_all():
    assert torch.equal(kept((5, 8), [0, 1]), kept((5, 8), [7, 8, 9]))


def test_gradients_are_those_of_the_kept_units():
    draws, x = RowDropout(), torch.randn(3, 5, requires_grad=True)
    with draws.drawing(SEED, STEP, torch.arange(3)):
        y = F.dropout(x, 0.5)
    y.sum().backward()
    assert torch.allclose(x.grad * x, y)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_attention_is_torchs_with_weights_dropped(causal, mask):
    """Against its own weights, which it gives where the values are the identity, and the mask that F.dropout draws at the same site."""
    if causal and mask:
        pytest.skip("PyTorch takes one of them")
    draw = torch.Generator().manual_seed(0)
    query, key = (torch.randn(2, heads, 6, 8, generator=draw) for heads in (4, 2))
    value = torch.eye(6).expand(2, 2, 6, 6)
    given = {"enable_gqa": True, "is_causal": causal, "scale": 0.3}
    if mask:
        seen = torch.rand(2, 1, 1, 6, generator=draw) < 0.7
        seen[..., 0] = True
        given["attn_mask"] = seen if mask == "bool" else torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)
    draws = RowDropout()
    with draws.drawing(SEED, STEP, torch.arange(2)):
        ours = F.scaled_dot_product_attention(query, key, value, dropout_p=P, **given)
    weights = F.scaled_dot_product_attention(query, key, value, **given)
    assert torch.allclose(ours, weights * kept(weights.shape, [0, 1]) / (1 - P), atol=1e-6)
    assert (ours == 0).any()


def test_attention_without_dropout_is_torchs_kernel():
    query = torch.randn(2, 3, 5, 8)
    with RowDropout().drawing(SEED, STEP, torch.arange(2)):
        assert torch.equal(
            F.scaled_dot_product_attention(query, query, query), F.scaled_dot_product_attention(query, query, query)
        )


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("mask", [None, "bool", "float", "causal"])
def test_attention_in_bf16_on_a_cpu_is_fp32s_where_it_is_trained(mask, autocast):
    """Rounded once; its gradients are those of fp32, of inputs in either precision; without gradients it is PyTorch's kernel of bf16."""
    draw = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, heads, 6, 8, generator=draw).bfloat16() for heads in (4, 2, 2)]
    given = {"enable_gqa": True, "scale": 0.3, "is_causal": mask == "causal"}
    exactly = dict(given)
    if mask in ("bool", "float"):
        seen = torch.ones(2, 1, 6, 6, dtype=torch.bool).tril()
        hidden = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.bfloat16).min)
        exactly["attn_mask"] = seen if mask == "bool" else hidden
        given["attn_mask"] = seen if mask == "bool" else hidden.bfloat16()

    def attend(of, settings):
        with RowDropout().drawing(SEED, STEP, torch.arange(2)), torch.autocast("cpu", torch.bfloat16, autocast):
            return F.scaled_dot_product_attention(*of, **settings)

    trained = [each.to(torch.float32 if autocast else torch.bfloat16, copy=True).requires_grad_() for each in inputs]
    ours = attend(trained, given)
    exact = [each.double().requires_grad_() for each in inputs]
    expected = F.scaled_dot_product_attention(*exact, **exactly)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, expected.float().bfloat16())
    toward = torch.randn(ours.shape, generator=draw).bfloat16()
    ours.backward(toward)
    expected.backward(toward.double())
    for one, other in zip(trained, exact, strict=True):
        assert torch.allclose(one.grad.double(), other.grad, rtol=2**-8, atol=1e-6)
    with torch.no_grad():
        kernel = F.scaled_dot_product_attention(*inputs, **given)
        assert torch.equal(attend(inputs, given), kernel)


def test_noise_is_normal_and_a_rows_own():
    x = torch.empty(50, 400)
    with RowDropout().drawing(SEED, STEP, torch.arange(50)):
        noise = torch.randn_like(x)
    assert noise.mean().abs() < 4.5 / math.sqrt(x.numel())
    assert (noise.var() - 1).abs() < 4.5 * math.sqrt(2 / x.numel())
    assert (noise.abs() > 3).float().mean().item() == pytest.approx(0.0027, abs=0.0015)
    with RowDropout().drawing(SEED, STEP, torch.tensor([7])):
        assert torch.equal(torch.randn_like(x[:1]), noise[7:8])


def test_what_is_computed_again_draws_again():
    draws, x = RowDropout(), torch.ones(2, 50)
    with draws.drawing(SEED, STEP, torch.arange(2)):
        F.dropout(x, P)
        again = draws.again()
        first, second = F.dropout(x, P), F.dropout(x, P)
        with again:
            assert torch.equal(F.dropout(x, P), first)
        third = F.dropout(x, P)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_outside_of_a_step_pytorch_draws():
    draws = RowDropout()
    with draws.again():
        torch.manual_seed(0)
        plain = F.dropout(torch.ones(100), P)
    torch.manual_seed(0)
    assert torch.equal(F.dropout(torch.ones(100), P), plain)


def test_no_step_of_a_seed_draws_as_another_seeds():
    mask, other = kept((16, 40, 128), list(range(16)), 6, 40), kept((16, 40, 128), list(range(16)), 5, 41)
    assert not torch.equal(mask, other)
