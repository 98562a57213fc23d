"""The logistic regression on instance features: its minimum, its choice of penalty, and a whole run without the backbone."""

import json

import numpy as np
import pytest
import torch

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.encoder_probe_model import PENALTIES, minimum, regression, scores
from lopa_bench.models.shape import Shape
from lopa_bench.run.story import run


@pytest.fixture
def drawn():
    draw = np.random.default_rng(0)
    features = draw.normal(size=(200, 6))
    classes = (features @ draw.normal(size=(6, 3)) + draw.gumbel(size=(200, 3))).argmax(1)
    return features, classes


def test_it_is_the_minimum(drawn):
    """No gradient is left, by torch's own cross-entropy."""
    features, classes = drawn
    for penalty in (1.0, 1e-2):
        solution = torch.tensor(minimum(features, classes, 3, penalty), requires_grad=True)
        logits = torch.from_numpy(features) @ solution[:, :-1].T + solution[:, -1]
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(classes))
        (loss + penalty / 2 * solution[:, :-1].square().sum()).backward()
        assert solution.grad.abs().max() < 1e-4


def test_features_without_a_meaning_are_penalised_most(drawn):
    features, classes = drawn
    noise = np.random.default_rng(1).normal(size=(len(classes), 100))
    assert (
        np.abs(regression(noise, classes, 3)[:, :-1]).max()
        < np.abs(minimum(noise, classes, 3, PENALTIES[-1])[:, :-1]).max()
    )
    assert (scores(features, regression(features, classes, 3)).argmax(1) == classes).mean() > 0.6


def test_a_run_asks_no_backbone_and_counts_its_parameters(overrides, monkeypatch):
    words = [*[word for word in overrides if not word.startswith(("method.", "train.epochs"))], "method=encoder_probe"]
    monkeypatch.setattr(AdaptedModel, "hidden", lambda *_: pytest.fail("the backbone was asked"))
    outcome = run(load_config(words))
    result = outcome.result
    width = 32
    assert result.encoder == "backbone"
    assert result.parameters.paper == result.parameters.trained == 2 * width + 2
    assert (
        result.metrics["accuracy"] == run(load_config([*words, "seed=1"])).result.metrics["accuracy"]
    )  # nothing is drawn
    lines = (outcome.directory.path / "predictions.jsonl").read_text().splitlines()
    assert {json.loads(line)["prediction"] for line in lines} <= {" Yes", " No"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("task=mbpp method=encoder_probe", "task=mbpp has no label words; nearest: method=none"),
        ("task=rte method=encoder_probe train.epochs=3", "solved at once, not by steps; nearest: train.epochs=0"),
    ],
)
def test_what_it_cannot_do_is_one_line(words, says, capsys):
    assert main(words.split()) == 2
    assert says in capsys.readouterr().err


def test_it_begins_from_no_other_run(tmp_path):
    """It is solved, whatever was loaded before."""
    config = load_config(["task=rte", "method=encoder_probe", f"init_from={tmp_path}"])
    assert "is solved from the features alone; leave it away" in config.method.objection(
        config, Shape(8, 2, 8, 8, 64, 100)
    )


@pytest.mark.parametrize("words", ["[foo,bar]", "[]", "[' No']"])
def test_its_words_are_the_tasks(words, capsys):
    assert main(["task=rte", "method=encoder_probe", "train.epochs=0", f"method.words={words}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "method.words=[" in error
    assert "answer task=rte, [' No', ' Yes']; leave it away" in error
