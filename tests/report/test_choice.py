"""Which runs stand in a cell: the recipe's, one setting's, those asked for."""

import json

import pytest
from synthetic import write_run
from test_tables import build, cell_of

from lopa_bench.cli.report import main
from lopa_bench.config.compose import load_config
from lopa_bench.config.keys import lookup
from lopa_bench.config.recipe import hyperparameters
from lopa_bench.errors import UserError
from lopa_bench.report.choice import choose
from lopa_bench.report.fill import build_tables
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import read_runs
from lopa_bench.study import plan
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.spec import default_model
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known


def test_settings_are_never_averaged(tmp_path):
    for seed in range(3):
        write_run(tmp_path, "rte", "lopa", seed, metrics={"glue": 80.0}, settings={"train.lr": 0.2})
    write_run(tmp_path, "rte", "lopa", 0, metrics={"glue": 99.0}, settings={"train.lr": 0.1})
    table = build(tmp_path, "mini", "glue")[0]
    assert cell_of(table, "LOPA", "RTE").mean == 80.0  # the setting with most seeds, not the best
    assert any("2 settings match; shown is train.lr=0.2" in note for note in table.notes)
    only = read_runs(tmp_path, "mini").only({"train.lr": 0.1})
    assert cell_of(build_tables(tables("mini", ["glue"]), only, "mini")[0], "LOPA", "RTE").mean == 99.0


def test_a_cell_has_the_recipes_runs_and_others_only_where_there_are_none_with_a_note(tmp_path):
    for seed in range(3):
        write_run(tmp_path, "rte", "lopa", seed, metrics={"glue": 99.0}, settings={"train.bucket": False})
    write_run(tmp_path, "rte", "lopa", 0, metrics={"glue": 80.0})
    write_run(tmp_path, "mrpc", "lopa", 0, settings={"train.lr": 0.5, "train.epochs": 1})
    write_run(tmp_path, "sst2", "lopa", 0, settings={"protocol": 0})
    table = build(tmp_path, "mini", "glue")[0]
    cell = cell_of(table, "LOPA", "RTE")
    assert (cell.mean, cell.n) == (80.0, 1)
    notes = "\n".join(table.notes)
    assert "LOPA, RTE" not in notes
    assert "LOPA, MRPC: train.epochs=1, not the recipe's 12; train.lr=0.5, not the recipe's 0.003." in notes
    assert "LOPA, SST-2: protocol=0, not the recipe's 1." in notes


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"task.template": "{sentence2} {sentence1} <mask>"}, "task.template={sentence2} {sentence1} <mask>, not"),
        ({"task.label_words": {"0": " good", "1": " bad"}}, "task.label_words={'0': ' good', '1': ' bad'}, not"),
        ({"task.scored_by": ["f1"]}, "task.scored_by=['f1'], not the recipe's ['accuracy', 'glue']"),
        ({"model.lora_targets": ["query"]}, "model.lora_targets=['query'], not the recipe's ['query', 'key', 'value']"),
        ({"model.label_words": {" Yes": " yes"}}, "model.label_words={' Yes': ' yes'}, not the recipe's null"),
    ],
)
def test_a_run_with_words_of_its_own_is_not_the_recipes(tmp_path, told, said):
    """It asked the task or the model otherwise, so it is a run of another thing, whatever it is called."""
    write_run(tmp_path, "rte", "lora", 0, metrics={"glue": 99.0}, settings=told)
    table = build(tmp_path, "mini", "glue")[0]
    assert any(f"LoRA, RTE: {said}" in note for note in table.notes), table.notes
    planned = [PlannedRun({"task": "rte", "method": "lora"}, (0,))]
    assert plan.missing_runs(planned, read_runs(tmp_path, "mini"), "mini")
    write_run(tmp_path, "rte", "lora", 0, metrics={"glue": 80.0})
    table = build(tmp_path, "mini", "glue")[0]
    assert cell_of(table, "LoRA", "RTE").mean == 80.0
    assert not any("LoRA, RTE" in note for note in table.notes)


def test_rows_of_ones_own_do_not_stand_for_the_tasks(tmp_path):
    files = {"train": "mine.csv", "test": "glue/SST-2/dev.tsv"}
    folder = write_run(tmp_path, "sst2", "pt", 0, scale="small", metrics={"glue": 99.0})
    result = json.loads((folder / "result.json").read_text())
    result["data"] |= {"source": "files", "files": files}
    (folder / "result.json").write_text(json.dumps(result))
    table = build(tmp_path, "small", "glue")[0]
    assert any("; data.train=mine.csv, not the task's rows" in note for note in table.notes), table.notes
    result["data"]["files"] = {"train": "glue/SST-2/train.tsv", "test": "glue/SST-2/dev.tsv"}
    (folder / "result.json").write_text(json.dumps(result))
    assert not any("the task's rows" in note for note in build(tmp_path, "small", "glue")[0].notes)


def test_the_plan_wants_the_recipes_runs_of_todays_protocol(tmp_path):
    write_run(tmp_path, "rte", "lopa", 0, settings={"train.lr": 0.5})
    write_run(tmp_path, "rte", "lopa", 1, settings={"protocol": 0})
    write_run(tmp_path, "rte", "lopa", 2)
    runs = read_runs(tmp_path, "mini")
    planned = [PlannedRun({"task": "rte", "method": "lopa"}, (0, 1, 2))]
    (left,) = plan.missing_runs(planned, runs, "mini")
    assert left.seeds == (0, 1)
    (left,) = plan.missing_runs(planned, runs, "mini", {"train.lr": 0.5})  # told to every run
    assert left.seeds == (1, 2)


@pytest.mark.parametrize(
    "told",
    [
        {"readout": "classifier"},
        {"selection": "last"},
        {"encoder": "mpnet"},
        {"data.limit": 50},
        {"method.rank": 1},
        {"method.position": "suffix"},
        {"task.template": "{sentence1} <mask>"},
    ],
)
def test_a_run_of_another_setting_is_not_done_whatever_kind_of_setting_it_is(tmp_path, told):
    write_run(tmp_path, "rte", "lopa", 0)
    planned = [PlannedRun({"task": "rte", "method": "lopa"}, (0,))]
    runs = read_runs(tmp_path, "mini")
    (left,) = plan.missing_runs(planned, runs, "mini", told)
    assert left.seeds == (0,)
    usual = {
        "readout": "label_words",
        "selection": "holdout",
        "encoder": "backbone",
        "method.rank": 4,
        "train.shard": True,
    }
    assert plan.missing_runs(planned, runs, "mini", usual) == []


def test_a_run_as_all_were_told_is_done(tmp_path):
    for method in ("lopa", "pt"):
        write_run(tmp_path, "rte", method, 0, settings={"readout": "classifier", "train.lr": 0.5})
    planned = [PlannedRun({"task": "rte", "method": method}, (0,)) for method in ("lopa", "pt")]
    runs = read_runs(tmp_path, "mini")
    assert (
        plan.missing_runs(planned, runs, "mini", {"readout": "classifier", "train.lr": 0.5, "encoder": "backbone"})
        == []
    )


@pytest.mark.parametrize(
    "words", [["claims", "--table", "glue"], ["figures", "--table", "glue"], ["html", "--format", "csv"]]
)
def test_an_option_without_meaning_is_refused(tmp_path, words):
    with pytest.raises(UserError, match=words[1].strip("-")):
        main([*words, "--results-dir", str(tmp_path)])


def test_where_is_of_claims_too(tmp_path, capsys):
    for method in ("lopa", "pt"):
        write_run(tmp_path, "rte", method, correct=[1, 0], settings={"train.lr": 0.5})
    write_run(tmp_path, "rte", "idpg", correct=[1, 0], settings={"train.lr": 0.7})
    for lr, verdict in (("0.5", "undecided"), ("0.7", "no runs")):
        assert main(["claims", "--results-dir", str(tmp_path), "--format", "json", "--where", f"train.lr={lr}"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["parts"][0]["comparisons"][0]["verdict"] == verdict


def test_where_replaces_defaults_and_no_row(tmp_path, capsys):
    write_run(tmp_path, "rte", "lopa", settings={"method.rank": 1, "data.limit": 24})
    write_run(tmp_path, "rte", "lopa", settings={"method.rank": 4, "data.limit": 48})
    words = ["--results-dir", str(tmp_path), "--format", "json", "--where", "data.limit=24"]
    filled = {}
    for where in ([], ["--where", "method.rank=1"], ["--where", "method.rank=4"]):
        assert main([*words, "--table", "ablation_rank", *where]) == 0
        lines = json.loads(capsys.readouterr().out)[0]["lines"]
        filled[" ".join(where)] = [line["label"] for line in lines if line["cells"][0]["n"]]
    assert list(filled.values()) == [["LOPA r=1"], ["LOPA r=1"], []]


def test_where_tells_the_missing_runs_what_it_asks_for(tmp_path):
    """Else the commands under the table would make other runs than those that the table wants."""
    write_run(tmp_path, "rte", "lopa", settings={"train.lr": 0.5, "data.limit": 24})
    write_run(tmp_path, "rte", "pt", settings={"train.lr": 0.1, "data.limit": 24})
    only = read_runs(tmp_path, "mini").only({"train.lr": ("0.5",), "data.limit": ("24",), "device": ("cpu",)})
    (table, *_) = build_tables(tables("mini", ["glue"]), only, "mini")
    assert table.caption.endswith("data.limit=24.")
    told = {
        tuple(word for word in command.split() if word.startswith(("train.", "data."))) for command in table.commands
    }
    assert told == {("train.lr=0.5", "data.limit=24")}
    claims = [finding for claim in check_claims(only, "mini") for part in claim.parts for finding in part.findings]
    missing = [run for finding in claims for run in finding.missing]
    assert missing
    assert {run.overrides["train.lr"] for run in missing} == {0.5}


def test_where_tells_them_the_training_rows_that_a_table_of_real_data_leaves_free(tmp_path):
    """The tables of `scale=small` say 2,000 rows, and take others; RTE has all of its own."""
    some, every = {"encoder": "mpnet", "data.train_limit": 400}, {"encoder": "mpnet", "data.train_limit": None}
    write_run(tmp_path, "sst2", "lopa", scale="small", settings={"model": "minilm_mlm", **some})
    write_run(tmp_path, "rte", "lopa", scale="small", settings={"model": "minilm_mlm", **every})
    runs = read_runs(tmp_path, "small")
    (table, *_) = build_tables(tables("small", ["glue"]), runs, "small")
    assert table.caption.endswith("data.train_limit=400 (rte: all rows).")
    assert any("data.train_limit=2000" in command for command in table.commands)
    (table, *_) = build_tables(tables("small", ["glue"]), runs.only({"data.train_limit": ("400",)}), "small")
    assert table.commands
    assert all("data.train_limit=400" in command for command in table.commands)


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        ("mini", ["task=rte"]),
        ("mini", ["task=mbpp"]),
        ("small", ["task=e2e", "model=local", "model.path=/any"]),
        ("paper", ["task=mnli", "recipe=paper"]),
        ("paper", ["task=mbpp"]),
        ("paper", ["task=cruxeval_i", "model=llama_3_8b"]),
        ("paper", ["task=webnlg"]),
    ],
)
def test_the_recipe_is_what_a_run_is_told_by_conf(scale, words):
    """Read plainly here, composed by Hydra there."""
    given = dict(word.split("=") for word in words)
    task, model = given["task"], given.get("model") or default_model(scale, given["task"])
    for method in ("none", "fft", "lora", "dept", "prefix_tuning", "lopa"):
        expected = dict(hyperparameters(scale, task, method, None if model == "local" else model))
        resolved = load_config([f"scale={scale}", f"method={method}", *words]).resolved
        assert {key: lookup(resolved, key) for key in expected} == expected, method


def test_runs_of_another_model_asked_for_have_that_models_words(tmp_path):
    """``where=model=…``: what the scale's own model is told is not asked of it."""
    other = {"model": "modernbert_base", "model.lora_targets": ["Wqkv"], "method.rank": 4}
    right = write_run(tmp_path, "rte", "lopa", 0, scale="small", metrics={"glue": 50.0}, settings=other)
    for seed in (0, 1):
        told = {**other, "train.lr": 0.5}
        write_run(tmp_path, "rte", "lopa", seed, scale="small", metrics={"glue": 99.0}, settings=told)
    only = read_runs(tmp_path, "small").only({"model": "modernbert_base"})
    chosen, note = choose(only, PlannedRun({"task": "rte", "method": "lopa", "scale": "small"}, (0,)), "small")
    assert (list(chosen["path"]), note) == ([right / "result.json"], None)


def test_what_a_machine_is_told_is_no_setting_of_a_task(tmp_path):
    """Where programs cannot be contained a run is told so, and is done all the same."""
    write_run(tmp_path, "mbpp", "lopa", 0, settings={"task.allow_unsafe": True})
    planned = [PlannedRun({"task": "mbpp", "method": "lopa"}, (0,))]
    assert plan.missing_runs(planned, read_runs(tmp_path, "mini"), "mini", {"sandbox.allow_unsafe": True}) == []


def test_label_words_in_another_order_are_the_same(tmp_path):
    words = dict(reversed(known("rte").label_words.items()))
    write_run(tmp_path, "rte", "lopa", 0, settings={"task.label_words": words})
    planned = [PlannedRun({"task": "rte", "method": "lopa"}, (0,))]
    assert plan.missing_runs(planned, read_runs(tmp_path, "mini"), "mini") == []
