"""A whole run on a tiny model and a small cloze task in GLUE's own files."""

import csv
import gzip
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from running import measured
from safetensors import safe_open

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.metrics import classification
from lopa_bench.metrics.metric import Metric
from lopa_bench.results.record import parse
from lopa_bench.run.progress import Progress
from lopa_bench.run.story import run
from lopa_bench.run.train import Training


def test_writes_everything_and_finds_it_again(overrides):
    outcome = run(load_config([*overrides, "method=lopa"]))
    folder = outcome.directory.path
    assert folder.parts[-5:-1] == ("mini", "rte", "roberta", "lopa")
    result = parse((folder / "result.json").read_bytes())
    assert result == outcome.result
    assert json.loads((folder / "result.json").read_text())["schema"] == 2
    assert result.data.rows == {"train": 54, "test": 30, "validation": 6}
    assert result.data.files["train"] == "glue/RTE/train.tsv"
    assert 0 <= result.metrics["accuracy"] <= 100
    assert set(result.metrics_per_split) == {"test", "validation"}
    assert result.steps == 2 * 7
    # m·d + 2(E·H + H) + (H + 1)·r·(m + d)
    assert result.parameters.paper == result.parameters.trained == 10 * 32 + 2 * (32 * 16 + 16) + 17 * 4 * 42
    assert set(result.files) == {"predictions.jsonl", "trained.safetensors", "history.csv", "prompts.npz"}

    history = list(csv.DictReader((folder / "history.csv").open()))
    scored = [row for row in history if row["glue"]]
    assert float(scored[result.selected_epoch - 1]["glue"]) == result.metrics_per_split["validation"]["glue"]
    predictions = [json.loads(line) for line in (folder / "predictions.jsonl").open()]
    assert "<mask>" in predictions[0]["input"]
    assert {p["label"] for p in predictions} <= {"entailment", "not_entailment"}
    assert all((p["label"] == p["predicted_label"]) == p["correct"] for p in predictions)
    accuracy = 100 * sum(p["correct"] for p in predictions) / len(predictions)
    assert accuracy == pytest.approx(result.metrics["accuracy"])
    with safe_open(folder / "trained.safetensors", "pt") as file:
        assert sum(file.get_tensor(key).numel() for key in file.keys()) == result.parameters.paper  # noqa: SIM118

    before = (folder / "result.json").stat().st_mtime_ns
    again = run(load_config([*overrides, "method=lopa"]))
    assert again.found
    assert again.result == result
    assert (folder / "result.json").stat().st_mtime_ns == before


def test_a_published_result_is_run_again(overrides):
    """Its predictions are compressed: reports read it, but what a run gives has to be there."""
    config = load_config(overrides)
    first = run(config)
    predictions = first.directory.path / "predictions.jsonl"
    content = predictions.read_bytes()
    predictions.with_name("predictions.jsonl.gz").write_bytes(gzip.compress(content))
    predictions.unlink()
    again = run(config)
    assert not again.found
    assert predictions.read_bytes() == content
    assert not predictions.with_name("predictions.jsonl.gz").exists()


@pytest.mark.parametrize("method", ["lopa", "fft"])
def test_same_seed_same_numbers(overrides, method):
    overrides = [o for o in overrides if method == "lopa" or "head_size" not in o]
    first = run(load_config([*overrides, f"method={method}"]))
    files = {p.name: p.read_bytes() for p in first.directory.path.iterdir() if p.name != "result.json"}
    second = run(load_config([*overrides, f"method={method}", "force=true"]))
    assert not second.found
    assert measured(first.result) == measured(second.result)
    for name, content in files.items():
        if name != "config.yaml":
            assert (second.directory.path / name).read_bytes() == content, name


@pytest.mark.parametrize("native", [True, False])
def test_what_auto_became_is_told(overrides, native, monkeypatch):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: native)
    done = run(load_config([*overrides, "method=lopa", "precision=auto"]))
    assert done.result.config["precision"] == "auto"
    assert done.result.computed_in == ("bf16" if native else "fp32")


def test_identity_is_what_determines_the_number(overrides, tmp_path):
    def digest(*more):
        from lopa_bench.run import identity
        from lopa_bench.tasks.rows import load_records

        config = load_config([*overrides, "method=lopa", *more])
        return identity.directory(config, load_records(config.task, config.data, config.offline)).digest

    base = digest()
    assert digest(f"results_dir={tmp_path / 'elsewhere'}", "force=true", "offline=false") == base
    for change in (
        "seed=1",
        "train.lr=0.1",
        "method.rank=2",
        "data.limit=20",
        "method.freeze_encoder=false",
        "selection=last",
    ):
        assert digest(change) != base, change


def test_encoder_trained_counts_both_ways(overrides):
    frozen = run(load_config([*overrides, "method=lopa"])).result.parameters
    trained = run(load_config([*overrides, "method=lopa", "method.freeze_encoder=false"])).result.parameters
    assert trained.paper == frozen.paper
    assert trained.trained > 3 * frozen.trained


@pytest.mark.parametrize(
    ("selection", "splits"), [("paper", {"test"}), ("last", {"test"}), ("holdout", {"test", "validation"})]
)
def test_selection(overrides, selection, splits):
    result = run(load_config([*overrides, "method=lopa", f"selection={selection}"])).result
    assert result.selection == selection
    assert set(result.metrics_per_split) == splits
    assert result.data.rows["train"] == (54 if selection == "holdout" else 60)
    if selection == "last":
        assert result.selected_epoch == 2


def test_command_line(overrides, capsys):
    arguments = [o for o in overrides if "head_size" not in o] + ["method=none"]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert "accuracy" in first
    assert "majority" in first
    assert "0 as the paper counts" in first
    assert "paper  " not in first.splitlines()[1]
    assert main(arguments) == 0
    assert "finished before" in capsys.readouterr().out


def test_diverging_loss_is_named(overrides, capsys):
    assert (
        main(
            [*overrides, "method=lopa", "train.lr=1e30", "train.schedule=constant", "train.warmup=0", "train.clip=null"]
        )
        == 3
    )
    error = capsys.readouterr().err
    assert "not finite at step" in error
    assert "learning rate 1e+30" in error


def test_the_epoch_is_chosen_by_what_is_better_in_its_metric():
    """An error of somebody's own is less where it is better."""
    kept = Training.__new__(Training)
    for error, best in ((Metric("error", "error", higher_is_better=False), 2), (Metric("error", "error"), 1)):
        kept.best, kept.parameters, kept.progress = {}, {"p": torch.zeros(1)}, Progress()
        for epoch, value in enumerate((0.3, 0.1, 0.1, 0.2)):
            kept.progress.epoch = epoch
            kept.keep_if_best({"error": value}, error)
        assert kept.progress.best_epoch == best


@pytest.mark.parametrize("selection", ["holdout", "last"])
def test_a_metric_that_is_no_number_is_refused_on_either_split(overrides, selection, monkeypatch, capsys):
    """One of somebody's own that divides by nothing: no epoch, and no run, could be held against another."""
    accuracy = classification.METRICS["accuracy"]

    def undefined(labels, positive):
        return replace(accuracy(labels, positive), aggregate=lambda sums, n: np.array(np.nan))

    monkeypatch.setitem(classification.METRICS, "accuracy", undefined)
    words = [*overrides, "method=lopa", f"selection={selection}", "task.scored_by=[accuracy]"]
    assert main(words) == 2
    split = {"holdout": "6 rows of the validation", "last": "30 rows of the test"}[selection]
    assert re.search(rf"task=rte: accuracy of the {split} split is nan; let", capsys.readouterr().err)
