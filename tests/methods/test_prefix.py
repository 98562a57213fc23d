"""Prefixes: where they stand, where the answer is read, and which models cannot have one."""

import re

import pytest
import tiny
import torch
import transformers as hf
from running import complaints

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.models.files import locate
from lopa_bench.run.preflight import shape_of


@pytest.mark.parametrize("method", ["p_tuning_v2", "prefix_tuning"])
@torch.no_grad()
def test_shifted_reads_m_tokens_after_the_mask(method, tiny_models):
    """What the authors' GLUE code does, with the last position of the row where it would leave the row."""
    folder = tiny_models("roberta")
    right = tiny.adapt(folder, method)
    shifted = tiny.adapt(folder, method, "method.prefix_reads=shifted")
    batch = tiny.batch(right, tiny.rows(right, lengths=(6, 9, 14)))
    batch.columns = torch.tensor([1, 6, 12])
    hidden = right.hidden(batch)
    assert torch.equal(shifted.columns(batch), torch.tensor([5, 10, 13]))
    torch.testing.assert_close(shifted(batch), right.backbone.head(hidden[batch.rows, torch.tensor([5, 10, 13])]))
    torch.testing.assert_close(right(batch), right.backbone.head(hidden[batch.rows, batch.columns]))


@pytest.mark.parametrize("kind", ["roberta", "bert"])
@torch.no_grad()
def test_shifted_reads_padding_as_the_authors_code_does(kind, tiny_models):
    """Their model is given token ids, keys and values of the prefix and one mask over both; RoBERTa then gives padding the position of
    padding and BERT counts on. The logits at the mask's place + m are those of that call, padding or not.
    """
    shifted = tiny.perturbed(tiny.adapt(tiny_models(kind), "p_tuning_v2", "method.prefix_reads=shifted"))
    batch = tiny.batch(shifted, tiny.rows(shifted, lengths=(6, 9, 14)))
    m, rows = 4, torch.arange(3)
    places = batch.columns + m
    places[-1] = 13  # the longest row's leaves the batch, where their code fails
    assert not batch.attention_mask[rows, places][:2].any()
    lm = shifted.backbone.model
    keys = shifted.parts.z.view(m, 2, 2, 4, 8).permute(1, 2, 3, 0, 4)
    past = hf.DynamicCache([tuple(layer.unsqueeze(1).expand(2, 3, -1, -1, -1)) for layer in keys])
    attended = torch.cat([torch.ones(3, m, dtype=torch.long), batch.attention_mask], dim=1)
    pad, real = lm.config.pad_token_id, batch.attention_mask
    counted = (real.cumsum(1) + m) * real + pad if kind == "roberta" else torch.arange(m, m + 14).expand(3, -1)
    hidden = lm.base_model(batch.input_ids, attended, position_ids=counted, past_key_values=past)[0]
    head = lm.lm_head if kind == "roberta" else lm.cls
    torch.testing.assert_close(shifted(batch), head(hidden)[rows, places], atol=1e-4, rtol=1e-4)


def test_the_recipe_says_where_it_is_read(tiny_models):
    folder = tiny_models("roberta")
    assert tiny.settings(folder, "p_tuning_v2").method.prefix_reads == "mask"
    assert tiny.settings(folder, "p_tuning_v2", "recipe=official").method.prefix_reads == "shifted"


@torch.no_grad()
def test_a_causal_model_is_never_read_elsewhere(tiny_models):
    model = tiny.adapt(tiny_models("gpt2"), "p_tuning_v2", "method.prefix_reads=shifted")
    batch = tiny.batch(model, tiny.rows(model))
    assert torch.equal(model.columns(batch), batch.columns)


@pytest.mark.parametrize("architecture", tiny.MASKED + tiny.CAUSAL)
@torch.no_grad()
def test_every_layer_reads_the_prefix(architecture, tiny_models):
    """Moving the keys of one layer, or its values, moves the logits."""
    model = tiny.perturbed(tiny.adapt(tiny_models(architecture), "p_tuning_v2"))
    batch = tiny.batch(model, tiny.rows(model))
    logits = model(batch)
    blocks = 2 * model.backbone.config.num_hidden_layers
    for block in range(blocks):
        columns = model.parts.z.unflatten(1, (blocks, -1))[:, block]
        columns += 1
        assert (model(batch) - logits).abs().max() > 1e-4, block
        columns -= 1


def saved(model, tokenizer_of, folder):
    """A Hugging Face folder of `model` with another model's tokenizer."""
    model.save_pretrained(folder)
    hf.AutoTokenizer.from_pretrained(tokenizer_of).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def albert(tiny_models, tmp_path_factory):
    """An architecture without a key/value cache."""
    config = hf.AlbertConfig(
        vocab_size=400,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=130,
    )
    return saved(hf.AlbertForMaskedLM(config), tiny_models("roberta"), tmp_path_factory.mktemp("albert"))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("p_tuning_v2", "AlbertForMaskedLM has no key/value cache to put a prefix in; nearest: method=pt"),
        ("prefix_tuning", "AlbertForMaskedLM has no key/value cache to put a prefix in; nearest: method=pt"),
        ("adapter", "the ends of attention and MLP in AlbertForMaskedLM are not known; nearest: method=lora"),
    ],
)
def test_an_architecture_that_cannot_is_named(method, message, albert):
    with pytest.raises(UserError, match=message):
        tiny.adapt(albert, method)


def test_a_soft_prompt_needs_no_cache(albert):
    model = tiny.adapt(albert, "pt")
    assert model(tiny.batch(model, tiny.rows(model))).shape == (4, 400)


def test_a_backbone_without_an_embedding_hook_is_named(tiny_models, tmp_path):
    config = hf.CpmAntConfig(
        vocab_size=400,
        hidden_size=32,
        num_attention_heads=4,
        dim_head=8,
        dim_ff=64,
        num_hidden_layers=2,
        prompt_length=4,
        prompt_types=2,
        segment_types=2,
        max_distance=64,
    )
    folder = saved(hf.CpmAntForCausalLM(config), tiny_models("gpt2"), tmp_path)
    with pytest.raises(UserError, match="CpmAntForCausalLM takes no inputs_embeds"):
        tiny.adapt(folder, "none")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method=lopa_phm", "method.phm_blocks=7"], "method.phm_blocks=7 does not divide 32"),
        (["method=idpg_phm", "method.phm_blocks=5"], "method.phm_blocks=5 does not divide 32"),
        (["method=p_tuning_v2", "method.num_virtual_tokens=100"], "nearest: train.max_length=29"),
        (["method=prefix_tuning", "method.prefix_reads=masks"], "nearest: method.prefix_reads=mask"),
        (["method=adapter", "method.bottleneck=0"], "method.bottleneck=0 must be at least 1"),
        (["method=dept", "method.rank=0"], "method.rank=0 must be at least 1"),
        (["method=dept", "method.update_lr=-1"], "method.update_lr=-1 must be at least 0"),
        (["method=prefix_tuning", "method.mlp_size=3"], "nearest: method.mlp_width"),
    ],
)
def test_bad_settings_are_one_line(overrides, message, tiny_models, capsys):
    assert main(["task=rte", "data.limit=4", "model=local", f"model.path={tiny_models('roberta')}", *overrides]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(complaints(error)) == 1


@pytest.mark.parametrize(("length", "says"), [(40, "see 8 places.*nearest: train.max_length=4"), (4, None)])
def test_a_window_that_leaves_the_prefix_behind_is_refused_where_text_is_written(length, says, tiny_models):
    """Rows are padded on the left there, between the prefix and what is read: a text would depend on its neighbours' lengths."""
    model = ["model=local", f"model.path={tiny_models('gpt_neo')}", "method=p_tuning_v2", "method.num_virtual_tokens=4"]
    config = load_config(["task=e2e", *model, f"train.max_length={length}"])
    objection = config.method.objection(config, shape_of(config, locate(config.model.path, None, offline=True)))
    assert objection is None if says is None else re.search(says, objection)
    classifies = load_config(["task=sst2", *model, f"train.max_length={length}"])
    assert (
        classifies.method.objection(classifies, shape_of(classifies, locate(config.model.path, None, offline=True)))
        is None
    )


@pytest.mark.parametrize("method", ["prefix_tuning", "p_tuning_v2"])
def test_no_positions_are_nothing_to_train(method, capsys):
    words = ["task=rte", f"method={method}", "method.num_virtual_tokens=0", "data.limit=4"]
    assert main(words) == 2
    assert "method.num_virtual_tokens=0: there is nothing to train; nearest: method=none" in capsys.readouterr().err
