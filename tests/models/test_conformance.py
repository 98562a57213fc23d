"""Every family of transformers that can be built small is scored as transformers scores it, or refused in one line."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from families import build, compare, page  # noqa: E402

# What differs from family to family: positions after padding, no positions, relative ones, ALiBi, scaled embeddings, scaled or capped
# logits, projected embeddings, one key head, a head of two modules, windows in some layers.
SAMPLE = [
    *(("masked", family) for family in ("bert", "roberta", "mpnet", "deberta-v2", "modernbert")),
    *(("causal", family) for family in ("bloom", "gemma2", "gemma3_text", "granite", "opt", "falcon", "mpt")),
]
KNOWN = json.loads(page.FACTS.read_text(encoding="utf-8"))


FEW = {name: compare.METHODS[name] for name in ("untouched", "soft prompt", "prefix")}


def check(kind, family, methods):
    verdict = compare.judge(kind, family, build.build(kind, family), methods)
    assert verdict.wrong == {}
    assert all("\n" not in message for message in verdict.refused.values())
    known = KNOWN[kind][family]
    assert verdict.right == [name for name in known["right"] if name in methods]
    assert ("all" in verdict.refused) == ("refused" in known)


@pytest.mark.parametrize(("kind", "family"), SAMPLE)
def test_a_sample_of_families(kind, family):
    check(kind, family, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "family"), list(build.families()))
def test_all_families(kind, family):
    if {"kind": kind, "family": family} in KNOWN["absent"]:
        pytest.skip("cannot be built small")
    check(kind, family, compare.METHODS)


def test_the_page_says_what_was_found():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(KNOWN)


def test_at_least_sixty_families_conform_under_soft_prompts():
    right = [
        family
        for kind in ("masked", "causal")
        for family, each in KNOWN[kind].items()
        if "soft prompt" in each["right"]
    ]
    assert len(right) >= 60


def test_a_wrong_position_would_be_seen(monkeypatch):
    """The comparison is no formality: counted from the wrong place, RoBERTa's rows are told apart from transformers'."""
    from lopa_bench.models.backbone import Backbone

    hidden = Backbone.hidden

    def shifted(self, embeds, attention_mask, **kwargs):
        if "position_ids" not in kwargs and embeds is not None:
            kwargs["position_ids"] = (attention_mask.cumsum(1) + 3)[:, -embeds.shape[1] :]
        return hidden(self, embeds, attention_mask, **kwargs)

    monkeypatch.setattr(Backbone, "hidden", shifted)
    verdict = compare.judge("masked", "roberta", build.build("masked", "roberta"))
    assert not verdict.right
    assert "its logits depend on" in verdict.refused["all"]


def test_a_clients_table_is_what_the_model_embeds():
    """Gemma 3 scales its word embeddings inside the module that looks them up."""
    import torch

    model = build.build("causal", "gemma3_text")
    backbone = compare.backbone_of("causal", "gemma3_text", model)
    ids = torch.arange(5, 25).unsqueeze(0)
    table = backbone.embedding_table()
    assert torch.equal(table[ids], backbone.embed(ids))
    assert not torch.allclose(table, model.get_input_embeddings().weight)
