"""What Z_S starts from."""

import pytest
import tiny
import torch


@pytest.mark.parametrize("method", ["pt", "lopa", "dept"])
def test_vocab_takes_rows_of_the_embedding_drawn_with_the_seed(method, tiny_models):
    folder = tiny_models("roberta")
    model = tiny.adapt(folder, method, "method.init=vocab")
    table = model.backbone.model.get_input_embeddings().weight
    found = [(table == row).all(1).nonzero()[0, 0].item() for row in model.parts.z_s]
    assert len(set(found)) > 1
    again = tiny.adapt(folder, method, "method.init=vocab")
    assert torch.equal(again.parts.z_s, model.parts.z_s)
    assert model.parts.z_s.requires_grad


def test_text_is_repeated_or_cut(tiny_models):
    folder = tiny_models("roberta")
    for text in ("a cat", "the cat sees a dog and a red barn"):
        model = tiny.adapt(folder, "pt", "method.init=text", f"method.init_text='{text}'")
        tokenizer = model.backbone.tokenizer
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        wanted = torch.tensor([ids[i % len(ids)] for i in range(4)])
        assert torch.equal(model.parts.z_s, model.backbone.embed(wanted))


def test_normal_is_as_before(tiny_models):
    torch.manual_seed(0)
    assert torch.equal(tiny.adapt(tiny_models("roberta"), "pt").parts.z_s, _drawn())


def _drawn():
    torch.manual_seed(0)
    return torch.randn(4, 32)
