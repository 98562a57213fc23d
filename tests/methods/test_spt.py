"""Selective prompt tuning: what its gates do and learn, what a search keeps, and that a run says so."""

import signal
from dataclasses import replace

import pytest
import tiny
import torch
from running import complaints, measured
from torch.nn import functional as F

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.methods.spt_model import teaches_gates
from lopa_bench.models import shapes
from lopa_bench.results.directory import load_result
from lopa_bench.run.losses import LossLog
from lopa_bench.run.story import run
from lopa_bench.run.trained import load_trained

COUNTS = [(4, None, 2_102_272), (4, 8, 271_360), (4, 16, 168_960), (4, 32, 332_800), (24, None, 6 * 2_102_272)]


def test_counts_are_of_the_generators_that_are_kept():
    """K · (d·h + h + h·d + d) at h = 256, with PHM layers K · (2 n³ + 2 d·h/n + h + d)."""
    method, backbone = load_config(["scale=paper", "method=spt"]).method, shapes.on_meta("roberta_large")
    for select, blocks, expected in COUNTS:
        assert replace(method, select=select, phm_blocks=blocks).parameters(backbone, 1024) == expected
    assert method.parameters(backbone, 1024) == 271_360


def spt(folder, *settings):
    return tiny.adapt(folder, "spt", *settings)


@torch.no_grad()
def test_equal_to_the_layers_run_by_hand(tiny_models):
    """RoBERTa's two layers with [states ; P], P mixed before each with a = sigmoid(α) and τ = 0.5; no prompt comes from below the first."""
    model = spt(tiny_models("roberta"), "method.tau=0.5")
    model.parts.alpha.copy_(torch.tensor([-1.0, 2.0]))
    (row,) = tiny.rows(model, lengths=(9,))
    batch = tiny.batch(model, [row])
    lm = model.backbone.model
    states, prompt = lm.roberta(batch.input_ids, output_hidden_states=True).hidden_states[0], torch.zeros(1, 4, 32)
    for number, layer in enumerate(lm.roberta.encoder.layer):
        down, _, up, _ = model.parts.generators[str(number)]
        pool = F.adaptive_avg_pool1d(states.mT, 4).mT[0]
        gate = 0.5 * torch.sigmoid(model.parts.alpha[number])
        prompt = (1 - gate) * prompt + gate * up(torch.relu(down(pool)))
        out = layer(torch.cat([states, prompt], dim=1))
        out = out[0] if isinstance(out, tuple) else out
        states, prompt = out[:, :9], out[:, 9:]
    torch.testing.assert_close(model(batch), lm.lm_head(states[0, [row.columns[0]]]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
def test_rows_teach_either_the_gates_or_the_generators(architecture, tiny_models):
    model = tiny.perturbed(spt(tiny_models(architecture)))
    rows = tiny.rows(model, lengths=(9, 5, 7, 12, 8, 6))
    gates = teaches_gates(torch.arange(6)).tolist()
    assert 0 < sum(gates) < 6

    def gradients(chosen):
        model.zero_grad(set_to_none=True)
        whole = tiny.batch(model, rows)
        picked = torch.tensor([chosen[row] for row in whole.rows.tolist()])
        F.cross_entropy(model(whole)[picked], whole.targets[picked]).backward()
        return {name: p.grad.abs().max() > 0 for name, p in model.trainable().items()}

    of_gates, of_others = gradients(gates), gradients([not each for each in gates])
    for name in of_gates:
        assert of_gates[name] == (name == "parts.alpha"), name
        assert of_others[name] == (name != "parts.alpha"), name


def test_a_gates_gradient_is_not_scaled_by_its_own_width(tiny_models):
    model = spt(tiny_models("roberta"), "method.tau=0.5")
    index = torch.arange(8)[teaches_gates(torch.arange(8))][:1]
    batch = tiny.batch(model, tiny.rows(model, lengths=(9,)))
    batch.index = index
    before, written = torch.zeros(1, 4, 32), torch.ones(1, 4, 32)
    for alpha in (-6.0, 0.0, 3.0):
        model.parts.alpha.data.fill_(alpha)
        entered = model.entering(0, written, before, batch)
        a = torch.sigmoid(torch.tensor(alpha))
        torch.testing.assert_close(entered, 0.5 * a * written)
        (gradient,) = torch.autograd.grad(entered.mean(), model.parts.alpha)
        torch.testing.assert_close(gradient[0], 1 - a)


def test_a_search_keeps_the_widest_gates_as_they_started(tiny_models):
    model = spt(tiny_models("gpt2"))
    start = {name: p.detach().clone() for name, p in model.trainable().items()}
    with torch.no_grad():
        for p in model.trainable().values():
            p += 1.0
        model.parts.alpha.copy_(torch.tensor([0.25, 0.5]))
    found = model.end_search()
    assert found["layers"] == [1]
    assert found["alpha"] == [0.25, 0.5]
    assert found["gates"] == pytest.approx([0.5621765, 0.6224593])
    kept = {name for name in start if ".generators.1." in name}
    assert set(model.trainable()) == kept
    assert all(torch.equal(model.trainable()[name], start[name]) for name in kept)


WORDS = ["task=rte", "method=spt", "data.limit=24", "train.epochs=2", "method.select=2"]


def test_a_run_searches_and_then_trains(tmp_path, monkeypatch):
    """Stopped after the search it goes on to the same files; the result says what was found, and is loaded with it."""
    once = run(load_config([*WORDS, f"results_dir={tmp_path / 'once'}"]))
    words, add = [*WORDS, f"results_dir={tmp_path / 'stopped'}"], LossLog.add

    def stopping(log, *values):
        add(log, *values)
        if log.progress.step == 6:  # 2 steps an epoch, the search is over after 4
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(LossLog, "add", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(load_config(words))
    again = run(load_config(words))
    assert measured(again.result) == measured(once.result)
    for name in ("trained.safetensors", "history.csv", "predictions.jsonl"):
        assert (again.directory.path / name).read_bytes() == (once.directory.path / name).read_bytes()

    _, result = load_result(once.directory.path)
    assert result.steps == 8
    assert result.selected_epoch in (3, 4)
    assert len(result.search["alpha"]) == len(result.search["gates"]) == 4
    assert any(result.search["alpha"])
    widest = sorted(range(4), key=lambda layer: -result.search["gates"][layer])[:2]
    assert result.search["layers"] == sorted(widest)
    assert result.parameters.trained == result.parameters.paper
    _, model = load_trained(once.directory.path)
    assert list(model.points) == result.search["layers"]


REFUSED = [
    ("method.select=5", "method.select=5: the model has 4 layers; nearest: method.select=4"),
    ("method.phm_blocks=3", "method.phm_blocks=3 does not divide 128"),
    ("train.epochs=0", "train.epochs=0 with method.search=0"),
    ("train.compile=true", "train.compile=true: "),
    ("method.tau=0", "method.tau=0"),
]


@pytest.mark.parametrize(("word", "message"), REFUSED)
def test_bad_settings_are_one_line(word, message, capsys):
    assert main(["task=rte", "method=spt", word]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(complaints(error)) == 1


def test_labels_that_alternate_teach_both_halves():
    gates = teaches_gates(torch.arange(1000)).float()
    assert all(0.4 < gates[parity::2].mean() < 0.6 for parity in (0, 1))
