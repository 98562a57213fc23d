"""Every weight comes from the file and every weight of the file is used, or the model is refused by the name of one that is not."""

import json
import shutil

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForMaskedLM, LlamaForCausalLM

from lopa_bench.errors import UserError
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.files import locate
from lopa_bench.models.loading import cast_weights, load_model


@pytest.fixture
def changed(tiny_models, tmp_path):
    """A copy of a tiny model whose weights `change` has rewritten: `changed(kind, change, **config)`."""

    def make(kind, change, **config):
        folder = tmp_path / "changed"
        shutil.copytree(tiny_models(kind), folder)
        weights = change(load_file(folder / "model.safetensors"))
        save_file(
            {name: value.clone() for name, value in weights.items()}, folder / "model.safetensors", {"format": "pt"}
        )
        settings = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**settings, **config}))
        return folder

    return make


def load(folder):
    return Backbone.load(tiny.settings(folder, "none").model, "fp32", torch.device("cpu"), offline=True)


WRAPPED = ["_orig_mod.", "module.", "module._orig_mod.", "_fsdp_wrapped_module."]


@pytest.mark.parametrize("prefix", WRAPPED)
@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_names_that_a_wrapper_has_put_in_front_are_read_without_it(kind, prefix, tiny_models, changed):
    folder = changed(kind, lambda weights: {prefix + name: value for name, value in weights.items()})
    plain, wrapped = load(tiny_models(kind)).model.state_dict(), load(folder).model.state_dict()
    assert all(torch.equal(plain[name], wrapped[name]) for name in plain)


def without(part):
    return lambda weights: {name: value for name, value in weights.items() if part not in name}


REFUSED = {
    "a layer is missing": ("bert", without("layer.1.attention"), {}, r"has no bert.encoder.layer.1.attention.*drawn at random"),
    "the LM head is missing": ("bert", without("cls."), {}, r"has no cls.predictions.*which BertForMaskedLM needs"),
    "a head that is not tied": ("llama", without("lm_head"), {"tie_word_embeddings": False}, "has no lm_head.weight"),
    "a body alone": (
        "bert",
        lambda weights: {name[5:]: value for name, value in weights.items() if name.startswith("bert.")},
        {"architectures": ["BertModel"]},
        "has no cls.predictions",
    ),
    "a layer too many": (
        "bert",
        lambda weights: {**weights, **{n.replace("layer.1", "layer.2"): v for n, v in weights.items() if "layer.1" in n}},
        {},
        r"BertForMaskedLM as config.json describes it has no place for bert.encoder.layer.2",
    ),
    "another width": ("bert", lambda weights: weights, {"intermediate_size": 48}, r"is \(64,\) in the file and \(48,\) by"),
    "NaN": ("gpt2", lambda weights: {n: v * float("nan") if "ln_f.b" in n else v for n, v in weights.items()}, {}, "ln_f.bias holds NaN"),
    "infinity": ("bert", lambda weights: {n: v + float("inf") if "layer.0.output.dense.b" in n else v for n, v in weights.items()}, {},
                 "holds NaN or infinity"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "config", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_the_files_own_is_refused_by_name(kind, change, config, message, changed):
    with pytest.raises(UserError, match=message) as told:
        load(changed(kind, change, **config))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", ["roberta", "gpt2", "codegen", "llama", "phi3"])
def test_a_frozen_backbone_is_in_bf16_what_transformers_loads_in_bf16(kind, tiny_models):
    """Rotary frequencies among it, which nobody rounds: a token at 600 would stand elsewhere."""
    folder = tiny_models(kind)
    backbone = Backbone.load(tiny.settings(folder, "none").model, "bf16", torch.device("cpu"), offline=True)
    backbone.freeze()
    theirs = type(backbone.model).from_pretrained(folder, dtype=torch.bfloat16)
    ours = {**dict(backbone.model.named_parameters()), **dict(backbone.model.named_buffers())}
    for name, tensor in (*theirs.named_parameters(), *theirs.named_buffers()):
        assert ours[name].dtype == tensor.dtype, name
        assert torch.equal(ours[name], tensor), name
    assert next(theirs.parameters()).dtype == torch.bfloat16


def test_what_a_family_keeps_in_fp32_stays_so(tiny_models):
    class Kept(LlamaForCausalLM):
        _keep_in_fp32_modules_strict = ("model.norm",)  # as DeepSeek-V3 its router's correction

    model = Kept.from_pretrained(tiny_models("llama"))
    cast_weights(model, torch.bfloat16)
    theirs = Kept.from_pretrained(tiny_models("llama"), dtype=torch.bfloat16)
    assert {name: tensor.dtype for name, tensor in model.state_dict().items()} == {
        name: tensor.dtype for name, tensor in theirs.state_dict().items()
    }
    assert model.model.norm.weight.dtype == torch.float32


def test_a_tied_head_is_in_the_embeddings(changed, tiny_models):
    tied = load(changed("gpt2", without("lm_head"))).model
    assert torch.equal(tied.lm_head.weight, load(tiny_models("gpt2")).model.transformer.wte.weight)


def test_heads_that_a_masked_lm_does_not_have_are_left_out(changed):
    extra = {"cls.seq_relationship.weight": torch.zeros(2, 32), "bert.pooler.dense.weight": torch.zeros(32, 32)}
    load(changed("bert", lambda weights: {**weights, **extra}))


def test_an_instance_encoder_may_come_from_an_lm_and_lack_a_pooler(tiny_models):
    files = locate(str(tiny_models("bert")), None, True)
    body = load_model(AutoModel, "model.encoder", files, torch.float32, False)
    lm = load_model(AutoModelForMaskedLM, "model.path", files, torch.float32, False)
    ids = torch.arange(10, 16).unsqueeze(0)
    assert torch.equal(body(ids)[0], lm.bert(ids)[0])
