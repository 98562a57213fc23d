"""ADePT, Input-Tuning, ID-SPAM and SMoP against their definitions in plain torch."""

import math

import pytest
import tiny
import torch

from lopa_bench.models.batches import Split
from lopa_bench.run.exchange import exchange, observe

METHODS = ["adept", "input_tuning", "id_spam", "smop"]


def adapter(parts, embeds):
    """[T, D] -> the input that the backbone reads, [M + T, D]."""
    down, up = parts.down, parts.up
    hidden = torch.clamp(embeds @ down.weight.T + down.bias, min=0)
    return torch.cat([parts.z_s, embeds + hidden @ up.weight.T + up.bias])


def id_spam(parts, embeds):
    q, k, v = (embeds @ getattr(parts, name).weight.T for name in ("query", "key", "value"))
    attended = torch.softmax(q @ k.T / math.sqrt(embeds.shape[1]), dim=1) @ v
    hidden = torch.clamp(parts.down.weight @ attended.mean(0), min=0)
    return torch.cat([torch.clamp(parts.up.weight @ hidden, min=0).view(4, -1), embeds])


def smop(parts, embeds):
    probabilities = torch.softmax(parts.router.weight @ embeds.mean(0), dim=0)
    best = max(range(4), key=lambda i: probabilities[i].item())
    return torch.cat([probabilities[best] * parts.z[best], embeds])


DEFINED = {"adept": adapter, "input_tuning": adapter, "id_spam": id_spam, "smop": smop}


@pytest.mark.parametrize("method", METHODS)
@torch.no_grad()
def test_equal_to_its_definition_before_transformers_own_model(method, tiny_models):
    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), method))
    rows = tiny.rows(model)
    logits = model(tiny.batch(model, rows))
    for own, row in zip(logits, rows, strict=True):
        embeds = model.backbone.embed(torch.tensor(row.ids))
        read = DEFINED[method](model.parts, embeds)
        answer = model.backbone.model(inputs_embeds=read[None]).logits[0, 4 + row.columns[0]]
        torch.testing.assert_close(own, answer, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", ["adept", "input_tuning"])
@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
@torch.no_grad()
def test_it_starts_as_prompt_tuning(architecture, method, tiny_models):
    model, plain = tiny.adapt(tiny_models(architecture), method), tiny.adapt(tiny_models(architecture), "pt")
    plain.parts.z_s.copy_(model.parts.z_s)
    batch = tiny.batch(model, tiny.rows(model))
    assert torch.equal(model(batch), plain(batch))
    assert not torch.allclose(tiny.perturbed(model)(batch), plain(batch), atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
@torch.no_grad()
def test_a_completion_in_training_is_not_read(method, tiny_models):
    """Nor changed: what is trained to be written is written without it."""
    model = tiny.perturbed(tiny.adapt(tiny_models("gpt2"), method))
    rows = tiny.rows(model)
    others = [tiny.replace(row, ids=[*row.ids[:-3], 21, 22, 23]) for row in rows]
    batch, other = (tiny.batch(model, chosen) for chosen in (rows, others))
    assert torch.equal(model.prompt(batch), model.prompt(other))
    embeds, _ = model.inputs(batch)
    for row, read in zip(rows, embeds, strict=True):
        n = len(row.ids)
        assert torch.equal(read[4 + n - 3 : 4 + n], model.backbone.embed(torch.tensor(row.ids[-3:])))


@pytest.mark.parametrize("method", ["id_spam", "smop"])
@torch.no_grad()
def test_its_prompts_can_be_exchanged(method, tiny_models):
    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), method))
    split = Split(tiny.rows(model), model.backbone.tokenizer.pad_token_id)
    probe = tiny.settings(tiny_models("roberta"), method).method.probe(model)
    features, mean, variance = observe(probe, split, batch_size=3)
    own = model.prompt(split.batch(range(4)))
    torch.testing.assert_close(mean, own.mean(0))
    assert 0 < variance < 1
    given = exchange(4, 0)
    torch.testing.assert_close(model.prompt(split.with_features(features[given]).batch(range(4))), own[given])


def test_a_router_is_noisy_in_training_only(tiny_models):
    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), "smop"))
    batch = tiny.batch(model, tiny.rows(model))
    assert torch.equal(model.prompt(batch), model.prompt(batch))
    model.train()
    assert not torch.equal(model.prompt(batch), model.prompt(batch))


def test_the_update_has_a_rate_of_its_own(tiny_models):
    model = tiny.adapt(tiny_models("roberta"), "adept", "method.update_lr=0.25")
    of_update = {id(p) for group in model.parameter_groups(1.0) if group["lr"] == 0.25 for p in group["params"]}
    assert of_update == {id(p) for name, p in model.parts.named_parameters() if name != "z_s"}


@torch.no_grad()
def test_dept_equal_to_its_definition(tiny_models):
    """[Z_S ; X_e + alpha/√rank · A B] by position, and nothing beyond A's rows."""
    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), "dept", "method.max_length=8", "method.alpha=3"))
    parts, rows = model.parts, tiny.rows(model)
    for own, row in zip(model(tiny.batch(model, rows)), rows, strict=True):
        embeds = model.backbone.embed(torch.tensor(row.ids)).clone()
        embeds[:8] += 3 / math.sqrt(parts.a.shape[1]) * (parts.a @ parts.b)[: len(row.ids)]
        read = torch.cat([parts.z_s, embeds])[None]
        answer = model.backbone.model(inputs_embeds=read).logits[0, 4 + row.columns[0]]
        torch.testing.assert_close(own, answer, atol=1e-5, rtol=1e-5)


def test_depts_update_has_the_rate_that_it_is_told(tiny_models):
    model = tiny.adapt(tiny_models("roberta"), "dept", "method.update_lr=0.25")
    rates = {id(p): group["lr"] for group in model.parameter_groups(1.0) for p in group["params"]}
    assert [rates[id(getattr(model.parts, name))] for name in ("z_s", "a", "b")] == [1.0, 0.25, 0.25]
