"""What is published is what was run, and a change to it is found."""

import gzip
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.errors import UserError
from lopa_bench.metrics import captions
from lopa_bench.report.verify import _alike
from lopa_bench.results.directory import as_lines
from lopa_bench.results.history import read_history
from lopa_bench.results.predictions import as_written, parted, read_predictions
from lopa_bench.results.publish import _without_places
from lopa_bench.results.read import runs_beside
from lopa_bench.results.record import Result
from lopa_bench.tasks.known import known


def write_whole_run(runs, seed, settings, task="rte"):
    """A run with all the files that one writes."""
    folder = write_run(runs, task, "lopa", seed, correct=[1, 0, 1, 1], settings=settings)
    (folder / "history.csv").write_text("step,loss\n1,0.5\n")
    (folder / "trained.safetensors").write_bytes(b"\0" * 64)
    (folder / "prompts.npz").write_bytes(b"\0" * 32)
    config = {
        "results_dir": str(runs),
        "data": {"dir": "/my/data"},
        "model": {"path": "/my/models/mini", "encoder": "backbone"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    names = ("history.csv", "predictions.jsonl", "trained.safetensors", "prompts.npz")
    written = {name: (folder / name).read_bytes() for name in names}
    result = Result.model_validate(json.loads((folder / "result.json").read_text()))
    (folder / "result.json").write_text(result.with_files(written).to_json())
    return folder


@pytest.fixture(autouse=True)
def configs_are_taken_as_they_are(monkeypatch):
    """These runs were never told anything; tests/cli/test_own_data.py has one whose config.yaml was changed."""
    monkeypatch.setattr("lopa_bench.report.verify._wrong_config", lambda directory: "")


@pytest.fixture
def published(tmp_path):
    """A folder with a published run of a table; another, of no table, was left."""
    runs, to = tmp_path / "runs", tmp_path / "results"
    for seed, settings in ((0, {}), (1, {"train.lr": 0.5})):
        write_whole_run(runs, seed, settings)
    assert main(["publish", f"results_dir={runs}", f"to={tmp_path / 'all'}", "every=true"]) == 0
    assert len(list((tmp_path / "all").rglob("result.json"))) == 2
    assert main(["publish", f"results_dir={runs}", f"to={to}"]) == 0
    assert (
        main(["report", "table=glue", "format=markdown", f"results_dir={to}", f"output={to}/mini/tables/glue.md"]) == 0
    )
    return to


def test_only_a_tables_runs_are_published_and_without_this_machines_folders(published, capsys):
    (result,) = published.rglob("result.json")
    names = {path.name for path in result.parent.iterdir()}
    assert names == {
        *("result.json", "config.yaml", "history.csv.gz", "predictions.jsonl.gz"),
        *("trained.safetensors", "prompts.npz"),
    }
    assert yaml.safe_load(result.with_name("config.yaml").read_text()) == {
        "results_dir": "runs",
        "data": {"dir": None},
        "model": {"path": "mini", "encoder": "backbone"},
    }
    capsys.readouterr()
    assert main(["verify", f"results_dir={published}"]) == 0
    assert capsys.readouterr().out == (
        "mini: 1 runs; 6 of 6 files as written, 1 of 1 scores as predicted, 1 of 1 tables and claims as of the results\n"
    )


@pytest.mark.parametrize(
    ("below", "said"),
    [("mini", "it is a scale's folder: give its parent, results_dir="), ("empty", "runs lie in DIR/SCALE/TASK/…")],
)
def test_where_nothing_can_be_checked_it_does_not_look_as_if_all_were_well(published, capsys, below, said):
    (published / "empty").mkdir()
    assert main(["verify", f"results_dir={published / below}"]) == 2
    error = capsys.readouterr().err
    assert f"results_dir={published / below}: " in error
    assert said in error
    assert len(error.splitlines()) == 1


def test_the_parent_is_named_from_within_a_scales_folder_too(published, capsys, monkeypatch):
    monkeypatch.chdir(published / "mini")
    assert main(["verify", "results_dir=."]) == 2
    assert "results_dir=..\n" in capsys.readouterr().err


def test_what_the_runs_of_a_task_were_asked_is_published_once_and_their_lines_are_whole_again(tmp_path):
    runs, to = tmp_path / "runs", tmp_path / "results"
    folders = [write_whole_run(runs, seed, {}) for seed in (0, 1)]
    assert main(["publish", f"results_dir={runs}", f"to={to}"]) == 0
    assert len(list((to / "mini" / "rte").glob("examples-*.jsonl.gz"))) == 1
    for folder in folders:
        written, there = folder / "result.json", to / folder.relative_to(runs) / "result.json"
        assert "target" not in gzip.decompress(there.with_name("predictions.jsonl.gz").read_bytes()).decode()[99:]
        assert read_predictions(there) == read_predictions(written)
        assert as_written(there) == (folder / "predictions.jsonl").read_bytes()
        pd.testing.assert_frame_equal(read_history(there), read_history(written))


def test_what_was_trained_is_kept_where_a_method_is_tried_and_prompts_where_they_are_drawn(tmp_path):
    runs, to = tmp_path / "runs", tmp_path / "results"
    for task, seed, settings in (("rte", 0, {}), ("rte", 1, {}), ("sst2", 0, {}), ("rte", 0, {"method.rank": 1})):
        write_whole_run(runs, seed, settings, task)
    write_whole_run(runs, 0, {"method.num_virtual_tokens": 50})
    assert main(["publish", f"results_dir={runs}", f"to={to}"]) == 0

    def where(name):
        found = (json.loads(path.with_name("result.json").read_text()) for path in to.rglob(name))
        return sorted((result["task"], result["seed"], result["config"]["method"]["rank"]) for result in found)

    assert where("trained.safetensors") == [("rte", 0, 4)]
    assert where("prompts.npz") == [("rte", 0, 1), ("rte", 0, 4), ("sst2", 0, 4)]
    assert len(list(to.rglob("result.json"))) == 5


def test_no_run_is_written_over_and_nothing_outside_of_the_folder(tmp_path, capsys):
    """A run that was moved is no deeper than its scale: what it was asked stays with its answers."""
    runs = tmp_path / "runs"
    folder = write_whole_run(runs, 0, {})
    (tmp_path / "link").symlink_to(runs)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for to in (runs, tmp_path / "link", runs / "mini"):
        assert main(["publish", f"results_dir={runs}", f"to={to}", "every=true"]) == 2
        assert "where its runs would be twice" in capsys.readouterr().err
    assert main(["publish", f"results_dir={runs}", f"to={tmp_path / 'loop'}", "every=true"]) == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before

    folder.rename(runs / "mini" / "best")
    to = tmp_path / "deep" / "results"
    assert main(["publish", f"results_dir={runs}", f"to={to}", "every=true"]) == 0
    assert [path.name for path in to.parent.iterdir()] == ["results"]
    assert len(read_predictions(to / "mini" / "best" / "result.json")) == 4


def test_all_runs_are_published_or_none(tmp_path, capsys):
    _, last = (write_whole_run(tmp_path / "runs", seed, {}) for seed in (0, 1))
    (last / "config.yaml").unlink()
    assert main(["publish", f"results_dir={tmp_path / 'runs'}", f"to={tmp_path / 'to'}", "every=true"]) == 2
    assert "config.yaml" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


def test_publishing_takes_no_extra(tmp_path, monkeypatch):
    """The README's install has no matplotlib."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("lopa_bench.report.figures")]:
        monkeypatch.delitem(sys.modules, name)
    write_whole_run(tmp_path / "runs", 0, {})
    assert main(["publish", f"results_dir={tmp_path / 'runs'}", f"to={tmp_path / 'to'}"]) == 0
    assert list((tmp_path / "to").rglob("prompts.npz"))


def test_what_is_published_is_published_again_as_it_is(published, tmp_path):
    again = tmp_path / "again"
    assert main(["publish", f"results_dir={published}", f"to={again}"]) == 0
    files = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert len(files) == 7
    assert files == {name: (published / name).read_bytes() for name in files}


@pytest.mark.parametrize(
    "content",
    [
        b'{"index": 0, "target": "a", "correct": true}\n{"index": 1, "correct": true, "target": "b"}\n',  # keys in another order
        b'{"index": 0, "correct": true}\n{"index": 1, "target": "b", "correct": true}\n',  # not all say what was asked
        b'{"index": 0, "correct": true}\n{"index": 1, "own": 1}\n',  # keys of their own
        b'{"index":0,"target":"a"}\n',  # not as a run writes it
        b'{"prediction": "a"}\n',  # nothing to share
        b"",
    ],
)
def test_lines_that_would_not_come_back_as_they_are_stay_whole(content):
    assert parted(content, Path("predictions.jsonl")) is None


def test_lines_of_which_some_have_a_key_more_come_back(tmp_path):
    lines = [{"index": i, "target": "a", "correct": True} | ({"exchanged": {}} if i < 2 else {}) for i in range(4)]
    own, name, examples = parted(as_lines(lines), Path("predictions.jsonl"))
    assert b"target" not in own.partition(b"\n")[2]
    assert b"index" not in own.partition(b"\n")[2]
    folder = tmp_path / "rte/model/lopa/0-abc"
    folder.mkdir(parents=True)
    (tmp_path / "rte" / name).write_bytes(gzip.compress(examples))
    path = folder / "predictions.jsonl.gz"
    path.write_bytes(gzip.compress(own))
    assert read_predictions(folder / "result.json") == lines
    assert as_written(folder / "result.json") == as_lines(lines)
    path.write_bytes(gzip.compress(own.replace(b', "correct": true', b"", 1).replace(b'{"correct": true}', b"{}", 1)))
    with pytest.raises(UserError, match="no 'correct' in it"):
        read_predictions(folder / "result.json")


@pytest.mark.parametrize("content", [b"{\n", b"[1]\n", b'{"target": "\xff"}\n'])
def test_damaged_predictions_are_refused_in_one_line(content):
    with pytest.raises(UserError, match=r"predictions\.jsonl"):
        parted(content, Path("predictions.jsonl"))


def test_a_lone_surrogate_and_other_scripts_come_back():
    content = as_lines([{"index": 0, "input": "\ud800 é", "prediction": "ж\u2028", "references": ["\U0001f600"]}])
    own, _, examples = parted(content, Path("predictions.jsonl"))
    assert b"references" not in own.partition(b"\n")[2]
    assert "\U0001f600".encode() in examples


@pytest.mark.parametrize(
    "head",
    [
        {"examples": "abc", "keys": None},
        {"examples": "abc", "keys": "index"},
        {"examples": "abc", "keys": [["index"]]},
        {"examples": "abc", "keys": ["correct"], "some": 3},
        {"examples": "abc", "keys": ["correct"], "some": ["exchanged"]},
        {"examples": "abc", "keys": ["index", "correct"], "some": ["index"]},
        {"examples": None, "keys": ["correct"]},
    ],
)
def test_a_damaged_first_line_is_named(tmp_path, head):
    (tmp_path / "predictions.jsonl.gz").write_bytes(gzip.compress(as_lines([head])))
    with pytest.raises(UserError, match=r"predictions\.jsonl\.gz: its first line is damaged; publish the run again"):
        read_predictions(tmp_path / "result.json")


@pytest.mark.parametrize("content", [b"", b'{"target": "a"}\n', b"{}\n" * 4, None])
def test_examples_of_other_predictions_are_named(published, capsys, content):
    (path,) = published.rglob("examples-*")
    path.unlink() if content is None else path.write_bytes(gzip.compress(content))
    assert main(["verify", f"results_dir={published}"]) == 1
    assert path.name in capsys.readouterr().err


def change_prediction(folder):
    (path,) = folder.rglob("predictions.jsonl.gz")
    head, first, second, *rest = gzip.decompress(path.read_bytes()).split(b"\n")
    second = second.replace(b'"prediction": " No"', b'"prediction": " Yes"')
    path.write_bytes(gzip.compress(b"\n".join([head, first, second, *rest])))


def change_score(folder):
    (path,) = folder.rglob("result.json")
    path.write_text(path.read_text().replace("75.0", "85.0"))


def change_table(folder):
    path = folder / "mini" / "tables" / "glue.md"
    path.write_text(path.read_text().replace("75.00", "85.00"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_prediction, ("not the file that the run wrote", "glue is 75.0, of its predictions 100.0")),
        (change_score, ("altered after it was written",)),
        (change_table, ("not what its results give",)),
    ],
)
def test_what_was_changed_is_named(published, capsys, change, said):
    change(published)
    assert main(["verify", f"results_dir={published}"]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == len(said)
    assert all(words in err for words in said)


@pytest.mark.parametrize(
    ("task", "told", "wrong", "left"),
    [
        ("e2e", {}, "nist", "cider, meteor, rouge_l"),
        ("webnlg", {"category": "Airport"}, "ter_seen", "meteor_all, meteor_seen"),
        ("webnlg", {}, "ter_all", "meteor_all, meteor_seen, ter_seen"),  # what is of a category has none to go by
    ],
)
def test_scores_over_a_whole_split_are_counted_and_computed_again_where_asked(
    tmp_path, capsys, monkeypatch, task, told, wrong, left
):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    monkeypatch.setattr("lopa_bench.report.verify._check_files", lambda *told: None)
    texts = ("Blue Spice is a pub .", "The Eagle is near the river .")
    lines = [
        {"index": i, "input": "", "prediction": text, "target": text, "references": [f"{text} It is cheap ."], **told}
        for i, text in enumerate(texts)
    ]
    claimed = {**known(task).score_lines(lines), **dict.fromkeys(left.split(", "), 1.0)}
    write_run(tmp_path, task, "pt", predictions=lines, metrics=claimed)
    write_run(tmp_path, task, "pt", 1, predictions=lines, metrics=claimed | {wrong: claimed[wrong] + 0.1})
    assert main(["verify", f"results_dir={tmp_path}"]) == 0
    whole = [name for name in claimed if not known(task).metrics[name].per_row]
    assert f"({2 * len(whole)} not computed again: {', '.join(sorted(whole))})" in capsys.readouterr().out
    assert main(["verify", f"results_dir={tmp_path}", "scores=all"]) == 1
    out, err = capsys.readouterr()
    assert f"not computed again: {left})" in out
    (line,) = err.splitlines()
    assert f"{wrong} is " in line


def test_claims_are_verified_as_tables_are(published, capsys):
    path = published / "mini" / "tables" / "claims.md"
    assert main(["report", "claims", "format=markdown", f"results_dir={published}", f"output={path}"]) == 0
    capsys.readouterr()
    assert main(["verify", f"results_dir={published}"]) == 0
    assert "2 of 2 tables and claims" in capsys.readouterr().out
    path.write_text(path.read_text().replace("no runs", "holds"))
    assert main(["verify", f"results_dir={published}"]) == 1
    assert f"{path}: not what its results give" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"), [("glue.csv", "not what its results give"), ("gleu.md", "no table of this study")]
)
def test_every_form_of_a_table_is_verified(published, capsys, name, said):
    (published / "mini/tables" / name).write_text("garbage")
    assert main(["verify", f"results_dir={published}"]) == 1
    assert f"{name}: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("other", "alike"), [("0.1000000000000001", True), ("0.1001", False), ("0.100002", False), ("1.2", False)]
)
def test_last_digits_of_unrounded_numbers_are_a_processors(other, alike):
    assert _alike('{"low": 0.1000000000000002}', f'{{"low": {other}}}') == alike


def test_publishing_is_not_well_where_a_result_was_left_out(tmp_path, capsys):
    runs = tmp_path / "runs"
    write_whole_run(runs, 0, {})
    other = write_run(runs, "mrpc", schema=3)
    assert main(["publish", f"results_dir={runs}", f"to={tmp_path / 'to'}"]) == 2
    out, error = capsys.readouterr()
    assert f"{other / 'result.json'}: left out, schema 3" in error
    assert "1 of 1 runs published" in out


@pytest.mark.parametrize("name", ["predictions.jsonl", "history.csv", "trained.safetensors"])
def test_a_file_that_the_run_did_not_write_is_not_published(tmp_path, capsys, name):
    folder = write_whole_run(tmp_path / "runs", 0, {})
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"false", b"true ") + (b"" if b"false" in content else b"\n"))
    assert main(["publish", f"results_dir={tmp_path / 'runs'}", f"to={tmp_path / 'to'}"]) == 2
    assert f"{folder / name}: not the file that the run wrote; put that back" in capsys.readouterr().err
    assert not list((tmp_path / "to").rglob("*.*"))


def test_a_published_run_is_found_by_a_relative_path(published, monkeypatch):
    """Its examples lie three folders above, and its seeds beside it, wherever one stands."""
    (result,) = published.rglob("result.json")
    whole = read_predictions(result)
    monkeypatch.chdir(result.parent)
    for path in (Path("result.json"), Path("./result.json")):
        assert read_predictions(path) == whole
    (published / "link").symlink_to(result.parent)
    assert read_predictions(published / "link" / "result.json") == whole
    assert len(runs_beside(".").frame) == len(runs_beside(result.parent).frame)


@pytest.mark.parametrize(("path", "kept"), [("secret/jane/mini_mlm", "mini_mlm"), ("owner/another", "owner/another")])
def test_relative_folders_of_models_are_no_business_of_others(path, kept):
    tracker = {"project": "lopa-bench", "dir": "jane/runs"}
    config = yaml.safe_dump({"model": {"path": path}, "data": {"train": "jane/rows.csv[:4]"}, "tracker": tracker})
    without = yaml.safe_load(_without_places(config, {"path": "mini_mlm" if kept == "mini_mlm" else path}))
    assert without["model"]["path"] == kept
    assert without["data"]["train"] == "rows.csv[:4]"
    assert without["tracker"] == {**tracker, "dir": None}


def test_a_hub_id_that_ends_as_its_model_is_called_stays():
    config = yaml.safe_dump({"model": {"path": "openai-community/gpt2"}, "data": {}})
    assert yaml.safe_load(_without_places(config, {"path": "gpt2"}))["model"]["path"] == "openai-community/gpt2"
