"""Where the prompt stands: before the input, after its first token, behind its last, whatever is padded."""

import pytest
import tiny
import torch

from lopa_bench.methods.placement import join, places
from lopa_bench.serving.client import SoftPromptClient


def ordered(row, position):
    """A row of the input (0 pads) with the prompt 91, 92 in it, by list operations; pads stay outside."""
    tokens = [t for t in row if t]
    left = row.index(tokens[0])
    at = {"prefix": 0, "after_first": 1, "suffix": len(tokens)}[position]
    at += left
    return [*row[:at], 91, 92, *row[at:]]


@pytest.mark.parametrize("position", ["prefix", "after_first", "suffix"])
def test_against_lists(position):
    rows = [[5, 6, 7, 0, 0], [0, 0, 5, 6, 7], [5, 6, 7, 8, 9], [0, 0, 0, 0, 5]]
    ids = torch.tensor(rows)
    mask = (ids > 0).long()
    prompt = torch.tensor([[91.0, 92.0]]).expand(4, -1).unsqueeze(-1)
    joined, attended = join(prompt, ids.unsqueeze(-1).float(), mask, position)
    wanted = [ordered(row, position) for row in rows]
    assert joined[..., 0].tolist() == wanted
    assert attended.tolist() == [[int(t > 0) for t in row] for row in wanted]
    where = places(mask, 2, position)
    assert torch.equal(joined[..., 0].gather(1, where)[:, 2:], ids.float())
    assert torch.equal(joined[..., 0].gather(1, where)[:, :2], prompt[..., 0])


@pytest.mark.parametrize("position", ["after_first", "suffix"])
@pytest.mark.parametrize("method", ["pt", "lopa"])
@torch.no_grad()
def test_equal_to_transformers_with_the_prompt_put_there_by_hand(method, position, tiny_models):
    model = tiny.adapt(tiny_models("roberta"), method, f"method.position={position}")
    for row in tiny.rows(model):
        batch = tiny.batch(model, [row])
        embeds, prompt = model.backbone.embed(batch.input_ids), model.prompt(batch)
        at, m = {"after_first": 1, "suffix": len(row.ids)}[position], prompt.shape[1]
        whole = torch.cat([embeds[:, :at], prompt, embeds[:, at:]], dim=1)
        logits = model.backbone.model(inputs_embeds=whole).logits[0]
        column = row.columns[0] + (m if row.columns[0] >= at else 0)
        torch.testing.assert_close(model(batch)[0], logits[column], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("position", ["prefix", "after_first", "suffix"])
@torch.no_grad()
def test_padding_changes_nothing(position, tiny_models):
    from test_contract import moved

    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), "lopa", f"method.position={position}"))
    batch = tiny.batch(model, tiny.rows(model))
    logits = model(batch)
    for side, extra in (("left", 0), ("left", 3), ("right", 3)):
        padded = moved(batch, model.backbone.tokenizer.pad_token_id, side, extra)
        torch.testing.assert_close(model(padded), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("position", ["after_first", "suffix"])
@torch.no_grad()
def test_a_client_puts_it_there_too(position, tiny_models, tmp_path):
    folder = tiny_models("roberta")
    config = tiny.settings(folder, "lopa", f"method.position={position}")
    model = tiny.adapt(folder, "lopa", f"method.position={position}")
    config.method.export(model, config, tmp_path)
    client = SoftPromptClient.load(tmp_path)
    texts = ["the cat sees a dog . ? <mask> , a dog is red .", "a cat <mask> , a cat"]
    request = client.embed(texts)
    answer = model.backbone.model(inputs_embeds=request.inputs_embeds, attention_mask=request.attention_mask).logits
    features = client.features(texts)
    for i in range(len(texts)):
        ids = request.input_ids[i][request.input_ids[i] != client.tokenizer.pad_token_id]
        batch = tiny.batch(
            model,
            [tiny.replace(tiny.rows(model)[0], ids=ids.tolist(), columns=range(len(ids)), targets=[5] * len(ids))],
        )
        batch.features = features[i : i + 1]
        got = answer[i, request.positions[i, : len(ids)]]
        torch.testing.assert_close(got, model(batch), atol=1e-4, rtol=1e-4)
