"""Trackers show what the run directory holds, and never stop a run."""

import csv

import pytest
from running import complaints, needs

from lopa_bench.config.compose import load_config
from lopa_bench.run.story import run
from lopa_bench.run.trackers.base import RunInfo, Tracker, Window
from lopa_bench.run.trackers.csv import _Window


def history(outcome):
    with (outcome.directory.path / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_csv_has_every_value_of_the_history(overrides):
    outcome = run(load_config([*overrides, "method=lopa", "tracker=csv"]))
    with (outcome.directory.path / "tracker.csv").open() as file:
        shown = {(row["step"], row["name"]): row["value"] for row in csv.DictReader(file)}
    rows = history(outcome)
    for row in rows:
        for name in ("loss", "lr", "glue"):
            if row[name]:
                assert float(shown[row["step"], name]) == float(row[name])
    assert len(rows) == outcome.result.steps


def test_csv_of_another_run_in_its_place_begins_anew(overrides):
    """With force=true; and a killed run that goes on from a checkpoint shows no step twice."""
    told = [*overrides, "method=lopa", "tracker=csv"]
    first = (run(load_config(told)).directory.path / "tracker.csv").read_text()
    again = run(load_config([*told, "force=true"])).directory.path
    assert (again / "tracker.csv").read_text() == first

    tracker = load_config(told).tracker
    window = tracker.open(RunInfo("a", "b", "c", (), {}, again))
    window.begin(3)
    window.log({"loss": 1.5}, 3)
    window.close(None)
    rows = (again / "tracker.csv").read_text().splitlines()
    assert rows[-1] == "3,loss,1.5"
    assert rows[:-1] == [row for row in first.splitlines() if row.startswith(("step,", "1,", "2,"))]

    (again / "tracker.csv").write_text(f"\n{first}\nnot a line\n")
    assert run(load_config([*told, "force=true"])).directory.path == again
    assert (again / "tracker.csv").read_text() == first


def test_a_window_is_told_where_the_run_begins(overrides, monkeypatch):
    """Whatever step is shown first: of long runs not every one is. And a run without steps begins, too."""
    begun = []
    monkeypatch.setattr(Window, "begin", lambda self, step: begun.append(step))
    monkeypatch.setattr(Window, "log", lambda self, values, step: begun.append((step, *values)[:1]))
    monkeypatch.setattr(Tracker, "open", lambda *_: Window())
    run(load_config([*overrides, "method=lopa"]))
    run(load_config([*overrides, "method=lopa", "train.epochs=0"]))
    assert begun[0] == 1
    assert begun.count(1) == 2
    assert (1,) in begun


def test_tracker_is_not_part_of_the_identity(overrides):
    run(load_config([*overrides, "method=lopa"]))
    assert run(load_config([*overrides, "method=lopa", "tracker=csv"])).found


@pytest.mark.parametrize("when", ["open", "log", "close"])
def test_a_tracker_that_fails_is_reported_once(overrides, monkeypatch, capsys, when):
    def fail(*_):
        raise ConnectionError("the service is gone")

    if when == "open":
        monkeypatch.setattr("lopa_bench.run.trackers.csv.Csv.open", fail)
    else:
        monkeypatch.setattr(_Window, when, fail)
    outcome = run(load_config([*overrides, "method=lopa", "tracker=csv"]))
    assert outcome.result.metrics
    assert complaints(capsys.readouterr().err) == [
        "lopa-bench: the tracker failed (the service is gone); the run goes on without it"
    ]


def test_a_failed_run_is_closed_as_failed(overrides, monkeypatch):
    closed = []

    class Seen(Window):
        def close(self, metrics):
            closed.append(metrics)

    monkeypatch.setattr(Tracker, "open", lambda *_: Seen())
    config = load_config([*overrides, "method=lopa", "train.lr=1e30", "train.warmup=0", "train.clip=null"])
    with pytest.raises(Exception, match="not finite"):
        run(config)
    good = run(load_config([*overrides, "method=lopa"]))
    assert closed == [None, good.result.metrics]


@pytest.mark.slow
def test_tensorboard(overrides):
    needs("tensorboard", "tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    outcome = run(load_config([*overrides, "method=lopa", "tracker=tensorboard"]))
    events = EventAccumulator(str(outcome.directory.path / "tensorboard")).Reload()
    losses = {event.step: event.value for event in events.Scalars("loss")}

    run(load_config([*overrides, "method=lopa", "tracker=tensorboard", "force=true"]))
    window = load_config([*overrides, "tracker=tensorboard"]).tracker.open(
        RunInfo("a", "b", "c", (), {}, outcome.directory.path)
    )
    window.begin(2)
    window.log({"loss": losses[2]}, 2)  # as of a run that was killed and goes on from a checkpoint of its first step
    window.close(None)
    again = EventAccumulator(str(outcome.directory.path / "tensorboard")).Reload().Scalars("loss")
    assert [(event.step, event.value) for event in again] == [(1, losses[1]), (2, losses[2])]
    for row in history(outcome):
        assert losses[int(row["step"])] == pytest.approx(float(row["loss"]))
    assert events.Scalars("result/accuracy")[0].value == pytest.approx(outcome.result.metrics["accuracy"])


@pytest.mark.slow
def test_trackio(overrides, capsys):
    """What the dashboard reads, of a run that was interrupted by another run of the same project too."""
    needs("trackio", "trackio")
    from trackio.context_vars import current_run
    from trackio.sqlite_storage import SQLiteStorage

    words = [*overrides, "tracker=trackio", "tracker.project=lopa-test", "train.epochs=1"]
    outcomes = [run(load_config([*words, "method=lopa", f"seed={seed}"])) for seed in (0, 1)]
    said = capsys.readouterr()
    assert "the tracker failed" not in said.err
    assert "rackio" not in said.out
    assert current_run.get() is None  # finished: nothing is left to be said at the end of the process
    shown = {name: SQLiteStorage.get_logs("lopa-test", name) for name in SQLiteStorage.get_runs("lopa-test")}
    assert len(shown) == len(outcomes)
    run(load_config([*words, "method=lopa", "seed=0", "force=true"]))
    name = f"rte/roberta/lopa/0 {outcomes[0].result.digest}-0"
    assert len(SQLiteStorage.get_logs("lopa-test", name)) == len(shown[name])
    window = load_config(words).tracker.open(RunInfo(name.partition(" ")[0], name.partition(" ")[2], "c", (), {}, None))
    window.begin(2)
    window.log({"loss": 9.0}, 2)
    window.close(None)
    assert len(SQLiteStorage.get_logs("lopa-test", name)) == len(shown[name])
    for outcome in outcomes:
        name = f"rte/roberta/lopa/{outcome.result.seed} {outcome.result.digest}-{outcome.result.seed}"
        losses = {row["step"]: row["loss"] for row in shown[name] if "loss" in row}
        for row in history(outcome):
            assert losses[int(row["step"])] == pytest.approx(float(row["loss"]))
        (scored,) = (row for row in shown[name] if "result/accuracy" in row)
        assert scored["result/accuracy"] == pytest.approx(outcome.result.metrics["accuracy"])
        config = SQLiteStorage.get_run_config("lopa-test", name)
        assert config["train"]["epochs"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_wandb(overrides, tmp_path, mode, capsys):
    wandb = needs("wandb", "wandb")
    outcome = run(
        load_config([*overrides, "method=lopa", "tracker=wandb", f"tracker.mode={mode}", "tracker.project=lopa-test"])
    )
    assert wandb.run is None  # finished
    assert "the tracker failed" not in capsys.readouterr().err
    assert outcome.result.metrics
    files = list((tmp_path / "results").rglob("*.wandb"))
    assert len(files) == (mode == "offline")
    if files:  # what `wandb sync` sends: strings lie in the file as they are
        content = files[0].read_bytes()
        for word in ("rte/lopa", "lopa-test", "num_virtual_tokens", "loss", outcome.result.digest):
            assert word.encode() in content, word
