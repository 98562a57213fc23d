"""Of the last layer only what is read is computed, and that is the same, with its gradients, as if all had been."""

import sys
from pathlib import Path

import pytest
import tiny
import torch

from lopa_bench.models.layers import STRETCHES

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from families import build, compare

BERT, LLAMA, GEMMA, GPT2, PHI, CODEGEN, MPNET, MLP = STRETCHES
# What is left out in which family; nothing where the feed-forward part is no module of its own (OPT).
FAMILIES = {
    ("masked", "bert"): BERT,
    ("masked", "roberta"): BERT,
    ("masked", "deberta-v2"): BERT,
    ("masked", "mpnet"): MPNET,
    ("causal", "llama"): LLAMA,
    ("causal", "phi3"): LLAMA,
    ("causal", "gemma2"): GEMMA,
    ("causal", "gpt2"): GPT2,
    ("causal", "phi"): PHI,
    ("causal", "codegen"): CODEGEN,
    ("causal", "bloom"): MLP,
    ("causal", "opt"): (),
}
METHODS = ["lopa", "lora", "p_tuning_v2", "lpt", "adapter"]


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_what_is_left_out(kind, family):
    assert compare.backbone_of(kind, family, build.build(kind, family)).stretches == FAMILIES[kind, family]


def logits_and_gradients(model, batch, reads_all):
    model.backbone.reads_all = reads_all
    model.zero_grad()
    logits = model(batch)
    (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    return [logits.detach(), *(p.grad.clone() for p in model.trainable().values() if p.grad is not None)]


def same(ours, all_of_it):
    assert len(ours) == len(all_of_it) > 1
    for a, b in zip(ours, all_of_it, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * b.abs().max().item())


@pytest.mark.parametrize(("kind", "family"), [name for name, left_out in FAMILIES.items() if left_out])
def test_families(kind, family):
    model = compare.METHODS["soft prompt"].adapt(compare.backbone_of(kind, family, build.build(kind, family))).eval()
    rows = [compare.Row(list(range(4, 4 + n)), [n - 3, n - 2], [0, 0]) for n in compare.LENGTHS]
    batch = compare.Split(rows, build.PAD).batch(range(len(rows)))
    same(*(logits_and_gradients(model, batch, reads_all) for reads_all in (False, True)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ["roberta", "llama"])
def test_methods(architecture, method, tiny_models):
    model = tiny.perturbed(tiny.adapt(tiny_models(architecture), method))
    batch = tiny.batch(model, tiny.rows(model))
    same(*(logits_and_gradients(model, batch, reads_all) for reads_all in (False, True)))


@pytest.mark.parametrize("position", ["suffix", "after_first"])
def test_places_of_the_prompt(position, tiny_models):
    model = tiny.perturbed(tiny.adapt(tiny_models("roberta"), "pt", f"method.position={position}"))
    batch = tiny.batch(model, tiny.rows(model))
    same(*(logits_and_gradients(model, batch, reads_all) for reads_all in (False, True)))


@pytest.mark.parametrize(("architecture", "module"), [("roberta", "intermediate"), ("llama", "mlp"), ("gpt2", "mlp")])
def test_positions_that_the_last_layer_computes(architecture, module, tiny_models):
    model = tiny.adapt(tiny_models(architecture), "pt")
    batch = tiny.batch(model, tiny.rows(model))
    seen = []
    for name, each in model.backbone.body.named_modules():
        if name.endswith(f".{module}"):
            each.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[:2]))
    model(batch)
    rows, tokens = batch.input_ids.shape
    assert seen == [(rows, tokens + model.method.prompt_length), (1, len(batch.rows))]  # of two layers
