"""A run in the form of Every Eval Ever: valid by its own package, and the numbers of the run."""

import json
import os
import shutil
import subprocess

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.report.every_eval_ever import _source
from lopa_bench.run.story import run


@pytest.fixture(scope="module")
def finished(run_overrides, tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    return run(load_config([*run_overrides(results), "method=lopa"]))


@pytest.fixture
def shared(finished, tmp_path, capsys):
    """The aggregate's and the answers' files."""
    words = [f"run={finished.directory.path}", f"to={tmp_path}", "organization=The lab"]
    assert main(["share", *words]) == 0
    aggregate, answers = (tmp_path / line for line in capsys.readouterr().out.splitlines())
    assert main(["share", *words]) == 0  # the same run, the same files
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted([aggregate, answers])
    return aggregate, answers


def test_scores_and_answers_are_the_run_s(finished, shared):
    aggregate, answers = shared
    record = json.loads(aggregate.read_text())
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    scores = {each["evaluation_result_id"]: each["score_details"] for each in record["evaluation_results"]}
    assert {name: each["score"] for name, each in scores.items()} == finished.result.metrics
    predictions = [
        json.loads(line) for line in (finished.directory.path / "predictions.jsonl").read_text().splitlines()
    ]
    assert [line["output"]["raw"] for line in lines] == [[line["prediction"]] for line in predictions]
    assert [line["evaluation"]["is_correct"] for line in lines] == [line["correct"] for line in predictions]
    assert 'sees "it' in lines[0]["input"]["raw"]  # the question's text
    share = sum(line["evaluation"]["score"] for line in lines) / len(lines)
    assert 100 * share == pytest.approx(scores["accuracy"]["score"])
    error = scores["accuracy"]["uncertainty"]["standard_error"]["value"]
    assert error == pytest.approx(100 * (share * (1 - share) / (len(lines) - 1)) ** 0.5)  # of a mean of 0 and 1


def test_other_rows_are_refused(finished, tmp_path, rte_files, monkeypatch, capsys):
    other = tmp_path / "glue/RTE"
    shutil.copytree(rte_files / "glue/RTE", other)
    text = (other / "dev.tsv").read_text("utf-8")
    (other / "dev.tsv").write_text(text.replace("eats", "is"), "utf-8")
    directory = shutil.copytree(finished.directory.path, tmp_path / "run")
    config = (directory / "config.yaml").read_text()
    (directory / "config.yaml").write_text(config.replace(str(rte_files), str(tmp_path)))
    assert main(["share", f"run={directory}", f"to={tmp_path / 'out'}", "organization=x"]) == 2
    assert "are not those that it was scored on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("task", "split", "name"),
    [("sst2", "validation", "sst2"), ("mnli", "validation_matched", "mnli"), ("cruxeval_o", "test[400:]", None)],
)
def test_rows_of_the_hub_are_named_as_the_hub_calls_them(finished, task, split, name):
    data = finished.result.data.model_copy(update={"source": "hub"})
    config = load_config([f"task={task}", "scale=mini"])
    source = _source(finished.result.model_copy(update={"data": data, "task": task}), config)
    assert source["hf_split"] == split
    assert source["samples_number"] == data.rows["test"]
    assert source["additional_details"].get("hf_config") == name


def test_its_package_finds_it_valid(shared):
    """The package needs Python 3.12: EVERY_EVAL_EVER names its command where that is in another environment."""
    command = os.environ.get("EVERY_EVAL_EVER") or shutil.which("every_eval_ever")
    if command is None:
        pytest.skip("every_eval_ever is not installed (pipx install every-eval-ever), nor named by EVERY_EVAL_EVER")
    done = subprocess.run(
        [command, "validate", "--format", "json", *map(str, shared)], capture_output=True, text=True, check=False
    )
    reports = json.loads(done.stdout)
    assert [(each["valid"], each["errors"], each["warnings"]) for each in reports] == [(True, [], [])] * 2, done.stdout
    assert [each["file_type"] for each in reports] == ["aggregate", "instance"]
