"""What a prompt owes to its instance: exchanged prompts, the mean prompt, the task part alone."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tiny import adapt, perturbed, rows, settings

from lopa_bench.config.compose import load_config
from lopa_bench.host.processes import processes
from lopa_bench.models.batches import Split
from lopa_bench.results.record import parse
from lopa_bench.run import evaluate
from lopa_bench.run import exchange as exchanging
from lopa_bench.run.exchange import exchange, observe, rows_asked, with_exchange
from lopa_bench.run.story import run
from lopa_bench.tasks.example import Example

LENGTHS = (9, 5, 7, 12, 6, 8)
METHODS = ["lopa", "lopa_add", "lopa_max", "lopa_concat", "lopa_phm", "idpg", "idpg_phm"]


def probed(folder, method, *overrides):
    """A perturbed model's probe, and a split that it reads, with features where the encoder is frozen."""
    overrides = ("method.phm_blocks=4", *overrides) if method.endswith("phm") else overrides
    model = perturbed(adapt(folder, method, *overrides))
    chosen = rows(model, LENGTHS)
    split = Split(chosen, model.backbone.tokenizer.pad_token_id)
    if model.encoder.frozen:
        split.features = model.encoder.features([row.encoder_ids for row in chosen])
    return settings(folder, method, *overrides).method.probe(model), split


@pytest.mark.parametrize("count", [2, 3, 50])
def test_no_row_keeps_its_own_and_every_row_gives(count):
    given = exchange(count, seed=3)
    assert not (given == torch.arange(count)).any()
    assert sorted(given.tolist()) == list(range(count))
    assert torch.equal(given, exchange(count, seed=3))


@torch.no_grad()
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("frozen", ["true", "false"])
def test_what_is_observed_is_what_the_model_says(tiny_models, method, frozen):
    probe, split = probed(tiny_models("roberta"), method, f"method.freeze_encoder={frozen}")
    features, mean, variance = observe(probe, split, batch_size=4)
    z = torch.stack([probe.model.prompt(split.batch([i]))[0] for i in range(len(split))])
    torch.testing.assert_close(mean, z.mean(0))
    assert variance == pytest.approx((z.var(0, correction=0).mean() / z.var(correction=0)).item(), rel=1e-3)
    assert 0 < variance < 1
    exchanged = split.with_features(features[exchange(len(split), 0)])
    for i, other in enumerate(exchange(len(split), 0).tolist()):
        torch.testing.assert_close(probe.model.prompt(exchanged.batch([i]))[0], z[other])


@torch.no_grad()
def test_a_given_prompt_is_everyones_and_only_meanwhile(tiny_models):
    probe, split = probed(tiny_models("roberta"), "lopa")
    batch, given = split.batch(range(4)), torch.randn(3, 32)
    own = probe.model(batch)
    with probe.given(given):
        embeds, mask = probe.model.inputs(batch)
        other = probe.model(batch)
    assert torch.equal(embeds[:, :3], given.expand(4, -1, -1))
    assert embeds.shape[:2] == mask.shape == (4, 3 + 12)
    assert not torch.allclose(own, other)
    assert torch.equal(probe.model(batch), own)


@torch.no_grad()
def test_the_task_part_of_each_method(tiny_models):
    folder = tiny_models("roberta")
    for method in ("lopa_add", "lopa_max", "lopa_concat"):
        probe, _ = probed(folder, method)
        assert torch.equal(probe.without_instance(torch.empty(0)), probe.model.parts.z_s)
    probe, split = probed(folder, "lopa")
    z_s, mean = probe.model.parts.z_s, observe(probe, split, 4)[1]
    gate = probe.without_instance(mean) / z_s
    torch.testing.assert_close(gate, gate.mean().expand_as(gate))
    assert (gate > 0).all()
    assert (gate < 1).all()
    nearest = (mean - probe.without_instance(mean)).norm()
    assert all((mean - g * z_s).norm() >= nearest for g in torch.linspace(0, 1, 101))
    for method in ("idpg", "idpg_phm"):
        probe, split = probed(folder, method)
        last = probe.model.parts.head[-1]
        (last.s if method == "idpg_phm" else last.weight).zero_()  # nothing of the instance is left
        torch.testing.assert_close(
            probe.prompts(split.features), probe.without_instance(torch.empty(0)).expand(6, -1, -1)
        )


def test_a_run_keeps_it_without_becoming_another_run(overrides):
    asked = load_config([*overrides, "method=lopa", "train.epochs=1"])
    outcome = run(asked)
    result, folder = outcome.result, outcome.directory.path
    assert result.instance.rows == 30
    assert result.instance.own == pytest.approx(result.score)
    assert 0 <= result.instance.exchanged <= 100
    assert 0 <= result.instance.variance <= 1
    assert parse((folder / "result.json").read_bytes()) == result
    lines = [json.loads(line) for line in (folder / "predictions.jsonl").open()]
    exchanged = [line | line["exchanged"] for line in lines]
    assert 100 * sum(line["correct"] for line in exchanged) / 30 == pytest.approx(result.instance.exchanged)
    off = run(load_config([*overrides, "method=lopa", "train.epochs=1", "instance_rows=0"]))
    assert off.found
    assert off.result == result
    fewer = run(load_config([*overrides, "method=lopa", "train.epochs=1", "instance_rows=7", "force=true"])).result
    assert (fewer.digest, fewer.metrics, fewer.instance.rows) == (result.digest, result.metrics, 7)


def test_a_method_that_reads_no_instance_has_nothing_to_exchange(overrides):
    own = [word for word in overrides if not word.startswith("method.")]
    result = run(load_config([*own, "method=pt", "train.epochs=1"])).result
    assert result.instance is None


def test_a_metric_that_is_not_made_of_rows_leaves_a_run_as_it_is(tiny_models, monkeypatch):
    """NIST and METEOR are of a whole corpus, and so may be the headline of a task of one's own."""
    probe, split = probed(tiny_models("roberta"), "lopa")
    config = load_config(["task=rte", "method=lopa"])
    metric = replace(config.task.metrics["glue"], per_row=None)
    monkeypatch.setattr(type(config.task), "metrics", {"glue": metric})
    monkeypatch.setattr(type(config.method), "probe", lambda self, model: probe)
    evaluation = evaluate.Evaluation(probe.model, config, {"test": []}, {"test": split}, processes())
    tested = evaluate.Tested({"glue": 50.0}, [], None)
    assert with_exchange(evaluation, tested) is tested


def test_a_task_that_is_written_is_asked_for_as_many_rows_as_select_an_epoch():
    assert rows_asked(load_config(["task=rte"]), 800) == 800
    assert rows_asked(load_config(["task=e2e", "generation.select_rows=50"]), 473) == 50
    assert rows_asked(load_config(["task=e2e", "generation.select_rows=null"]), 473) == 473
    assert rows_asked(load_config(["task=e2e", "instance_rows=20"]), 473) == 20


def test_what_each_prompt_answers_is_told_under_its_name_and_of_the_same_rows(tiny_models, monkeypatch):
    probe, split = probed(tiny_models("roberta"), "lopa_add")
    config = load_config(["task=rte", "method=lopa_add", "instance_rows=3"])
    examples = [Example("x", " Yes")] * 6

    def predict(model, asked, *_):  # right with the task part alone, wrong else
        right = model.fixed is not None and torch.equal(model.fixed, model.parts.z_s)
        return SimpleNamespace(texts=[[" Yes" if right else " No"]] * len(asked))

    monkeypatch.setattr(exchanging, "predict", predict)
    monkeypatch.setattr(type(config.method), "probe", lambda self, model: probe)
    evaluation = evaluate.Evaluation(probe.model, config, {"test": examples}, {"test": split}, processes())
    own = config.task.lines(examples, [[" Yes"]] * 3 + [[" No"]] * 3)
    found = with_exchange(evaluation, evaluate.Tested({"glue": 50.0}, own))
    instance = found.instance
    assert (instance.rows, instance.own, instance.exchanged, instance.mean, instance.off) == (3, 100, 0, 0, 100)
    assert [line.get("exchanged", {}).get("correct") for line in found.lines] == [False] * 3 + [None] * 3


def test_each_seed_exchanges_otherwise():
    assert not torch.equal(exchange(50, 0), exchange(50, 3))
