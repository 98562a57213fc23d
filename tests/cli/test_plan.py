"""The plan of a table and what the machine is told to have, before anything starts."""

import re
from types import SimpleNamespace

import pytest

from lopa_bench.cli.doctor import Check, disk, models_and_data
from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.models.shape import Shape
from lopa_bench.run.work import flops
from lopa_bench.study.plan import plan, planned_runs
from lopa_bench.study.settings import DRAW_NOTHING
from lopa_bench.study.tables import tables


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.mark.slow
def test_plan_lists_every_run_once(capsys, tmp_path):
    assert main(["plan", "table=webnlg", "scale=paper", f"results_dir={tmp_path / 'none'}"]) == 0
    out = capsys.readouterr().out
    runs = sum(len(run.seeds) for run in planned_runs(tables("paper", ["webnlg"]), "paper"))
    assert f"{runs} runs planned, {runs} missing: about" in out
    assert "lopa-bench -m task=webnlg scale=paper selection=last method=fft seed=0,1 results_dir=" in out


def test_plan_gives_commands_for_a_shell(capsys, tmp_path):
    assert main(["plan", "table=glue", "--commands", f"results_dir={tmp_path / 'none'}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.pop() == "# 156 runs planned, 156 missing: time unknown: nothing like it has run yet"
    assert len(lines) == 6
    assert all(line.startswith("lopa-bench -m task=rte,mrpc,sst2,qnli,mnli,qqp method=") for line in lines)
    assert all(line.endswith(f" results_dir={tmp_path / 'none'}") for line in lines)  # where the plan looks


def test_a_report_is_told_what_its_runs_were_told(tmp_path):
    def where(*told):
        return plan(tables("mini", ["glue"]), "mini", tmp_path, told=told).where("mini")

    assert where("data.limit=60", "precision=fp32") == ["data.limit=60"]
    assert where("encoder=mpnet") == ["encoder=mpnet", "encoder=null"]  # and of methods that read no instance
    assert where() == []
    assert where("train.lr=0.5") == ["train.lr=0.5"]
    assert where("method.dropout=0.2") == ["method.dropout=0.2", "method.dropout=null"]  # full fine-tuning has none


@pytest.mark.parametrize("scale", ["mini", "small", "paper"])
def test_a_fast_plan_passes_twice_over_the_rows_of_what_passes_over_rows(scale):
    """As its commands say, and no method refuses them (an encoder probe is solved at once, SPT has a search of as many epochs)."""
    shape = Shape(width=768, layers=12, key_width=768, encoder_width=768, positions=512, parameters=10**8)
    for run in {run.method: run for run in planned_runs(tables(scale), scale, fast=True)}.values():
        config = load_config(run.argv()[0])
        assert config.method.objection(config, shape) is None, run
        passes = {config.train.epochs, getattr(config.method, "search", 2)}
        assert passes == ({0, 2} if run.method in DRAW_NOTHING else {2}), run
        assert run.overrides["data.limit"]


def test_a_plan_of_scale_small_names_models_and_encoders_or_takes_the_users_own(capsys, tmp_path):
    yours = ["model=local", "model.path=mine", "data.dir=data"]
    there = f"results_dir={tmp_path / 'none'}"
    plan = ["plan", "table=glue", "scale=small", there]
    assert main([*plan, *yours, "--commands"]) == 0
    lines = capsys.readouterr().out.splitlines()[:-1]
    assert lines
    assert all(line.endswith(" ".join([*yours, there])) for line in lines)
    assert main([*plan, "--commands"]) == 0
    lines = capsys.readouterr().out.splitlines()[:-1]
    assert all("model=minilm_mlm" in line and line.endswith(f"models.dir=DIR data.dir=DIR {there}") for line in lines)
    assert {"mpnet", "backbone"} == {
        word.removeprefix("encoder=") for line in lines for word in line.split() if word.startswith("encoder=")
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model=local"], "scale=mini has models of its own"),
        (["table=glu"], "table=glu is not one of"),
        (["scale=big"], "scale=big is not one of"),
        (["tabel=x"], "nearest: table=TABLE"),
        (["train.lrr=1"], "nearest: train.lr"),
        (["task=rte"], "the tables say which task"),
        (["tflops=0"], "tflops=0 must be above 0"),
        (["--tflops", "nan"], "tflops=nan is not a finite number"),
    ],
)
def test_bad_plans(words, says, capsys):
    assert main(["plan", *words]) == 2
    assert says in capsys.readouterr().err


def test_hours_of_unknown_runs_are_those_of_the_device_that_is_here(capsys, monkeypatch, tmp_path):
    """Without a GPU a plan took 20 TFLOP/s for granted, and 69 hours of a core for five."""

    def hours(*words):
        assert main(["plan", "table=glue", f"results_dir={tmp_path}", *words]) == 0
        *_, told, summary = capsys.readouterr().out.splitlines()
        return told, re.search(r"about [\d.]+ (h|min)", summary)[0]

    monkeypatch.setattr("lopa_bench.cli.plan.visible", list)
    told, slow = hours()
    assert told.endswith("at 1 TFLOP/s, assumed of a core of a CPU (tflops=N)")
    assert hours("tflops=1") == (told.replace(", assumed of a core of a CPU", ""), slow)
    monkeypatch.setattr("lopa_bench.cli.plan.visible", lambda: ["0"])
    assert hours()[0].endswith("at 20 TFLOP/s, assumed of a GPU (tflops=N)")


def test_work_grows_with_epochs_and_gradients():
    def of(*words):
        return flops(load_config(["scale=paper", "task=rte", "selection=last", *words]))[0]

    base = of("method=pt", "train.epochs=10")
    assert of("method=pt", "train.epochs=20") / base == pytest.approx(2, rel=0.1)
    assert of("method=fft", "train.epochs=10") / of("method=lora", "train.epochs=10") == pytest.approx(1.5, rel=0.1)


def test_work_counts_the_rows_that_epochs_are_selected_on():
    """A tenth of QQP's training rows, unless the user names others; with selection=paper the reported ones. The encoder is not asked."""
    config = [
        "scale=paper",
        "task=qqp",
        "method=pt",
        "train.epochs=2",
        "task.about.size={train: 1000, test: 300, input: 20, completion: 1}",
    ]

    def of(*words):
        return flops(load_config([*config, *words]))[0]

    last, paper = of("selection=last"), of("selection=paper")
    row = (paper - last) / (2 * 300)
    assert of("selection=holdout") == pytest.approx(last - 2 * 100 * 2 * row + 2 * 100 * row, rel=0.01)
    assert of("selection=holdout", "train.evaluations=3") - of("selection=holdout") == pytest.approx(4 * 100 * row)


def test_work_of_writing_grows_with_beams_where_there_are_beams():
    def of(*words):
        return flops(load_config(["scale=paper", "task=e2e", "method=pt", "selection=last", *words]))[1]

    greedy = of("generation.decoding=greedy")
    assert of("generation.decoding=beam", "generation.num_beams=5") == 5 * greedy
    assert of("generation.decoding=beam", "generation.num_beams=2") == 2 * greedy


def test_doctor_says_what_is_lacking(capsys, tmp_path):
    huge = ["task=rte", "method=fft", "train.batch_size=100000"]
    assert main(["doctor", *huge, f"results_dir={tmp_path}"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"FAIL  memory .* takes about .*; .* are free; lower train.batch_size=100000", out)
    assert "ok    inputs" in out
    assert "level" in out


def test_doctor_asks_for_the_disk_that_the_run_needs(monkeypatch):
    """Full fine-tuning writes two checkpoints of twelve bytes a parameter or more; a prompt next to nothing."""

    def room(method, free):
        monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
        (found,) = disk(load_config(["scale=paper", "task=rte", f"method={method}"]))
        return found.fix is None

    assert room("pt", 100 << 20)
    assert not room("pt", 10 << 20)
    assert not room("fft", 2 * 12 * 355_000_000)
    assert room("fft", 3 * 16 * 355_000_000)


def test_doctor_names_absent_models(tmp_path):
    config = load_config(["scale=paper", "task=cruxeval_o", "offline=true"])
    first, second = models_and_data(config)
    assert "model.path=microsoft/phi-2 is not in the hub cache" in first.fix
    assert second == Check("hub", "not asked (offline=true)")


@pytest.mark.parametrize("words", [["doctor", "method.rnk=3"], ["doctor", "task=rt"]])
def test_doctor_checks_its_overrides(words, capsys):
    assert main(words) == 2
    assert "nearest" in capsys.readouterr().err
