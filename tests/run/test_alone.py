"""A method of one's own whose rows know of each other is refused."""

from dataclasses import replace

import pytest
import tiny
import torch

from lopa_bench.errors import UserError
from lopa_bench.methods.lopa import Lopa
from lopa_bench.models.batches import Split
from lopa_bench.run.alone import check_alone


class Alone(Lopa):
    """Lopa in a module of one's own."""


class Mean(Lopa):
    """Features less their mean over the batch."""

    def prompt(self, parts, features, batch_size):
        return super().prompt(parts, features - features.mean(0), batch_size)


class Place(Lopa):
    """Each place in a batch has a prompt of its own."""

    def prompt(self, parts, features, batch_size):
        return super().prompt(parts, features, batch_size) * (1 + torch.arange(batch_size)[:, None, None])


class Random(Lopa):
    """Noise while it answers, too."""

    def prompt(self, parts, features, batch_size):
        prompt = super().prompt(parts, features, batch_size)
        return prompt + torch.randn(prompt.shape)


def given(folder, kind, moved, precision="fp32"):
    """A model of such a method, rows for it and its config."""
    config = tiny.settings(folder, "lopa")
    method = kind(**vars(config.method))
    torch.manual_seed(0)
    model = method.adapt(tiny.adapt(folder, "none", precision=precision).backbone)
    rows = tiny.rows(model)
    split = Split(rows, model.backbone.tokenizer.pad_token_id)
    split.features = model.encoder.features([row.encoder_ids for row in rows])
    return tiny.perturbed(model) if moved else model, split, replace(config, method=method)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("architecture", tiny.MASKED + tiny.CAUSAL)
def test_rows_that_do_not_know_of_each_other_pass(architecture, moved, precision, tiny_models):
    check_alone(*given(tiny_models(architecture), Alone, moved, precision))


@pytest.mark.parametrize("kind", [Mean, Place])
@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
def test_rows_that_do_are_refused(architecture, kind, tiny_models):
    with pytest.raises(UserError, match="method=lopa: what it makes of a row hangs on the other rows of its batch"):
        check_alone(*given(tiny_models(architecture), kind, moved=True))


def test_alike_rows_before_others_hide_nothing(tiny_models):
    model, split, config = given(tiny_models("roberta"), Mean, moved=True)
    with pytest.raises(UserError, match="hangs on the other rows"):
        check_alone(model, split.part([0, 0, 0, 0, 0, 1]), config)
    check_alone(model, split.part([0, 0, 0]), config)  # there is nothing to tell by


def test_what_draws_while_it_answers_is_refused_as_such(tiny_models):
    with pytest.raises(UserError, match="it draws random numbers while it answers"):
        check_alone(*given(tiny_models("roberta"), Random, moved=False))


def test_one_row_and_a_method_of_ours_are_not_asked(tiny_models):
    model, split, config = given(tiny_models("roberta"), Mean, moved=True)
    check_alone(model, split.part([0]), config)
    check_alone(model, split, tiny.settings(tiny_models("roberta"), "lopa"))
