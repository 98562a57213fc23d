"""What is NaN or infinite is never scored: exit status 3 and one line."""

import pytest
import tiny
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.errors import NotFinite
from lopa_bench.models.batches import Row, Split
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.run.predict import answers, classify


def test_parameters_that_the_last_step_broke(tiny_models):
    """The loss of a step is that before it: only the parameters show what the last one did."""
    model = tiny.adapt(tiny_models("roberta"), "pt")
    with torch.no_grad():
        model.parts.z_s[0, 0] = float("inf")
    config = load_config(["task=rte", "method=pt"])
    with pytest.raises(NotFinite, match=r"after training, parts.z_s is NaN or infinite.*lower train.lr") as told:
        answers(model, Split(tiny.rows(model), 0), config)
    assert told.value.exit_status == 3
    assert "\n" not in str(told.value)


def test_logits_of_label_words(tiny_models):
    model = tiny.adapt(tiny_models("roberta"), "none")
    with torch.no_grad():
        model.backbone.model.lm_head.bias.fill_(float("nan"))
    with pytest.raises(NotFinite, match="logits of label words are NaN or infinite"):
        classify(model, Split(tiny.rows(model), 0), [" Yes", " No"], 4)


@pytest.mark.parametrize("decoding", ["greedy", "beam", "sample"])
def test_logits_of_new_tokens(decoding, tiny_models):
    model = tiny.adapt(tiny_models("gpt2"), "none")
    with torch.no_grad():
        model.backbone.model.transformer.ln_f.bias[0] = float("nan")
    overrides = ["task=e2e", "method=none", f"generation.decoding={decoding}", "generation.num_beams=2"]
    spec = GenerationSpec(load_config(overrides).generation, (), 3, 0)
    rows = Split([Row(row.ids, (), ()) for row in tiny.rows(model)], 0, side="left")
    with pytest.raises(NotFinite, match="logits of new tokens are NaN or infinite"):
        model.generate(rows.batch(range(4)), spec)
