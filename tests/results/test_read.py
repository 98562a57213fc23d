"""Reading results: what is not a result of ours is named, never counted."""

import json
import shutil

import pytest
from synthetic import write_run

from lopa_bench.cli.report import main
from lopa_bench.cli.status import state
from lopa_bench.errors import UserError
from lopa_bench.results.directory import load_result
from lopa_bench.results.frame import load_results
from lopa_bench.results.read import read_runs
from lopa_bench.results.record import parse


def test_a_run_is_a_row_with_its_headline_score(tmp_path):
    write_run(tmp_path, "mrpc", "pt", seed=2, metrics={"glue": 74.8, "accuracy": 68.0})
    runs = read_runs(tmp_path, "mini")
    row = runs.frame.iloc[0]
    assert (row["task"], row["method"], row["seed"], row["score"]) == ("mrpc", "pt", 2, 74.8)
    assert runs.warnings == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not readable as JSON"),
        ("", "not readable as JSON"),
        ("\x00\xff", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ('{"accuracy": 1}', "not a result of lopa-bench"),
        ("[1, 2]", "not a result of lopa-bench"),
        ('{"schema": 2, "task": "rte"}', "not a whole result"),
    ],
)
def test_foreign_and_corrupt_files_are_named_and_skipped(tmp_path, text, reason):
    write_run(tmp_path)
    stray = tmp_path / "mini" / "rte" / "stray" / "result.json"
    stray.parent.mkdir()
    stray.write_text(text, encoding="latin-1")
    runs = read_runs(tmp_path, "mini")
    assert len(runs.frame) == 1
    assert len(runs.warnings) == 1
    assert str(stray) in runs.warnings[0]
    assert reason in runs.warnings[0]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"parameters": [1]}, "parameters"),
        ({"baseline": {"majority": 3}}, "baseline.majority"),
        ({"seconds": {"train": 1.0, "total": "long"}}, "seconds.total"),
        ({"config": 3}, "config"),
        ({"metric": "f1"}, "metrics"),
        ({"metrics_per_split": {}}, "metrics_per_split.test"),
        ({"metrics_per_split": {"test": {"glue": 80.0}, "validation": {}}}, "metrics_per_split.validation"),
        ({"config": {"task": 5}}, "config.task"),
        ({"config": {"train": [1]}}, "config.train"),
    ],
)
def test_fields_of_another_shape_are_not_a_result(tmp_path, fields, key):
    write_run(tmp_path, **fields)
    runs = read_runs(tmp_path, "mini")
    assert runs.frame.empty
    assert f"not a whole result ({key}: " in runs.warnings[0]


def test_a_score_that_was_altered_is_not_shown(tmp_path):
    path = write_run(tmp_path) / "result.json"
    written = parse(path.read_bytes()).to_json()
    path.write_text(written)
    assert len(read_runs(tmp_path, "mini").frame) == 1
    path.write_text(written.replace("80.0", "99.0"))
    runs = read_runs(tmp_path, "mini")
    assert runs.frame.empty
    assert f"{path}: skipped, altered after it was written; put back" in runs.warnings[0]


def test_metrics_that_are_no_numbers_are_not_a_result(tmp_path):
    write_run(tmp_path, metrics={"glue": "high"})
    runs = read_runs(tmp_path, "mini")
    assert runs.frame.empty
    assert "not a whole result (metrics.glue: " in runs.warnings[0]


def test_another_schema_is_refused_by_name_and_not_counted(tmp_path, capsys):
    write_run(tmp_path, "rte")
    other = write_run(tmp_path, "mrpc", schema=7)
    for seed in (1, 2):
        write_run(tmp_path, "mrpc", seed=seed, schema=7)
    assert main(["--results-dir", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert message.count("left out") == 1  # one line, however many they are
    assert "result.json and 2 more: left out" in message
    assert str(other / "result.json") in message
    assert "schema 7" in message
    assert set(read_runs(tmp_path, "mini").frame["task"]) == {"rte"}


def test_no_results_directory_is_a_clear_error(tmp_path):
    with pytest.raises(UserError, match="no such directory"):
        read_runs(tmp_path / "nowhere", "mini")


def test_a_result_in_the_wrong_scale_is_not_mixed_in(tmp_path):
    folder = write_run(tmp_path, scale="mini")
    result = json.loads((folder / "result.json").read_text())
    result["scale"] = "paper"
    (folder / "result.json").write_text(json.dumps(result))
    runs = read_runs(tmp_path, "mini")
    assert runs.frame.empty
    assert "scale 'paper'" in runs.warnings[0]


def test_load_result_says_what_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"no result\.json"):
        load_result(tmp_path)


def test_results_of_all_scales_are_one_frame(tmp_path):
    write_run(tmp_path, "rte", metrics={"glue": 81.5, "accuracy": 81.5})
    write_run(tmp_path, "mrpc", scale="paper")
    write_run(tmp_path, "sst2", schema=1)
    with pytest.warns(UserWarning, match=r"left out, schema 1, this version reads 2"):
        frame = load_results(tmp_path)
    assert dict(zip(frame["task"], frame["score"], strict=True)) == {"rte": 81.5, "mrpc": 80.0}
    assert set(frame["scale"]) == {"mini", "paper"}
    with pytest.raises(UserError, match="no such directory"):
        load_results(tmp_path / "nowhere")


def at_its_place(folder):
    """A synthetic run where a real one lies."""
    result = json.loads((folder / "result.json").read_text())
    return folder.rename(folder.with_name(f"{result['seed']}-{result['digest']}"))


@pytest.mark.parametrize("copy", ["mini/backup_rte", "mini/zz/of/it/all/rte"])
def test_a_copy_of_a_run_does_not_stand_in_for_it_and_is_named(tmp_path, copy):
    folder = at_its_place(write_run(tmp_path, "rte", "lopa", metrics={"glue": 81.0}))
    other = tmp_path / copy / folder.relative_to(tmp_path / "mini" / "rte")
    shutil.copytree(folder, other)
    changed = json.loads((other / "result.json").read_text())
    changed["metrics"] = changed["metrics_per_split"]["test"] = {"glue": 99.0}
    (other / "result.json").write_text(json.dumps(changed))
    runs = read_runs(tmp_path, "mini")
    assert runs.frame["score"].tolist() == [81.0]
    assert runs.warnings == [f"{other / 'result.json'}: the same run as {folder / 'result.json'}, skipped"]


def test_of_two_copies_the_first_stands(tmp_path):
    folder = write_run(tmp_path, "rte", "lopa")
    copies = [shutil.copytree(folder, tmp_path / "mini" / name / "run") / "result.json" for name in "ab"]
    shutil.rmtree(folder)
    runs = read_runs(tmp_path, "mini")
    assert runs.frame["path"].tolist() == copies[:1]
    assert runs.warnings == [f"{copies[1]}: the same run as {copies[0]}, skipped"]


def test_runs_behind_links_are_read_as_status_counts_them(tmp_path):
    results, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    write_run(results, "rte")
    moved = write_run(elsewhere, "mrpc").relative_to(elsewhere)
    (results / "mini" / "mrpc").symlink_to(elsewhere / "mini" / "mrpc")
    (results / "mini" / "rte" / "up").symlink_to(results / "mini")  # loops end
    (elsewhere / "mini" / "mrpc" / "self").symlink_to(elsewhere / "mini" / "mrpc")
    runs = read_runs(results, "mini")
    assert sorted(runs.frame["task"]) == ["mrpc", "rte"]
    assert results / moved / "result.json" in set(runs.frame["path"])
    assert runs.warnings == []
    assert state(results).startswith(f"{results}: 2 done")
