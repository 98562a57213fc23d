"""M-IDPG against RoBERTa's layers run one by one, and what it is without its later prompts."""

import pytest
import tiny
import torch
from torch import nn

from lopa_bench.errors import UserError
from lopa_bench.models.decoding import GenerationSpec


def by_hand(model, batch):
    """Logits of one unpadded row, the layers called in a loop that adds the prompts."""
    parts, method = model.parts, model.method
    m, layers = method.prompt_length, model.backbone.body.encoder.layer

    def head(read, bias):
        hidden = torch.tanh(nn.functional.linear(read, parts.head[1].weight, parts.head[1].bias))
        return (nn.functional.linear(hidden, parts.head[3].weight) + bias).view(1, m, -1)

    embeds = model.backbone.embed(batch.input_ids)
    prompt = head(batch.features, parts.head[3].bias)
    hidden = torch.cat([embeds[:, :1], prompt, embeds[:, 1:]], dim=1)  # position: after_first
    positions = torch.arange(hidden.shape[1])[None] + model.backbone.config.pad_token_id + 1
    hidden = model.backbone.body.embeddings(inputs_embeds=hidden, position_ids=positions)
    for number, layer in enumerate(layers):
        out = layer(hidden)
        hidden = (out[0] if isinstance(out, tuple) else out).clone()
        if number < len(layers) - 1:
            read = hidden[:, 0] if method.reads == "previous" else batch.features
            bias = parts.bias[number] if method.bias == "layer" else parts.head[3].bias
            hidden[:, 1 : 1 + m] += head(read, bias)
    column = batch.columns[0] + m
    return model.backbone.head(hidden[:, column])


def test_one_head_for_embeddings_and_states_of_two_widths_is_refused(tiny_models):
    """ELECTRA's: what is added would reach the states' first coordinates only."""
    with pytest.raises(UserError, match="has embeddings of width 16 and states of width 32"):
        tiny.adapt(tiny_models("electra"), "idpg_layers", "method.reads=encoder")


@pytest.mark.parametrize("reads", ["previous", "encoder"])
@pytest.mark.parametrize("bias", ["layer", "shared"])
@torch.no_grad()
def test_against_the_layers_one_by_one(reads, bias, tiny_models):
    words = (f"method.reads={reads}", f"method.bias={bias}")
    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), "idpg_layers", *words))
    for row in tiny.rows(model):
        batch = tiny.batch(model, [row])
        torch.testing.assert_close(model(batch), by_hand(model, batch), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_without_later_prompts_it_is_idpg(tiny_models):
    """With a head that writes its bias alone and later biases at zero nothing is added after the input."""
    layers = tiny.adapt(tiny_models("roberta"), "idpg_layers", "method.position=prefix")
    plain = tiny.adapt(tiny_models("roberta"), "idpg")
    for model in (layers, plain):
        model.parts.head[3].weight.zero_()
        model.parts.head[3].bias.copy_(torch.arange(4.0 * model.backbone.width) / 64)
    batch = tiny.batch(layers, tiny.rows(layers))
    assert torch.equal(layers(batch), plain(batch))


def test_a_trained_encoder_reads_an_instance_once(tiny_models):
    """Twice, it had other dropout for the prompt at the input than for those after the layers."""
    told = ["method.reads=encoder", "method.freeze_encoder=false"]
    model = tiny.adapt(tiny_models("roberta"), "idpg_layers", *told).train()
    read = []
    model.encoder.register_forward_hook(lambda *given: read.append(given[-1]))
    written = []
    known = model.method.prompt
    object.__setattr__(
        model.method, "prompt", lambda parts, features, size: written.append(features) or known(parts, features, size)
    )
    model(tiny.batch(model, tiny.rows(model)))
    assert len(read) == 1
    assert len(written) == len(model.backbone.body.encoder.layer)
    assert all(torch.equal(features, read[0]) for features in written)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@torch.no_grad()
def test_what_is_written_is_the_likeliest_token_after_token(architecture, tiny_models):
    """With the prompts' positions in the cache, as when the whole text is read anew for every token."""
    model = tiny.perturbed(tiny.adapt(tiny_models(architecture), "idpg_layers", "method.reads=encoder"))
    config = tiny.settings(
        tiny_models(architecture), "idpg_layers", "task=e2e", "method.reads=encoder", "model.kind=causal"
    )
    rows = [tiny.replace(row, columns=[len(row.ids) - 1], targets=[0]) for row in tiny.rows(model)]
    for row in rows:
        batch = tiny.batch(model, [row])
        new = model.generate(batch, GenerationSpec(config.generation, (), 4, 0))[0].tolist()
        ids = list(row.ids)
        for token in new:
            longer = tiny.batch(model, [tiny.replace(row, ids=ids, columns=[len(ids) - 1])])
            longer.features = batch.features
            assert model(longer).argmax().item() == token
            ids.append(token)
            if token == model.backbone.tokenizer.eos_token_id:
                break
