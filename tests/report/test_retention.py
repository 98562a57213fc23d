"""What a run's model and its bare backbone score on other tasks: each as a run of that task would."""

import json

import numpy as np
import pytest
from running import complaints, needs
from test_sides import accuracy, flips

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.report.resampling import mcnemar
from lopa_bench.report.retention import _kept, _of_samples
from lopa_bench.run.story import run


@pytest.fixture(scope="module")
def finished(run_overrides, tiny_models, tmp_path_factory):
    """The results of small runs on RTE by model and method."""
    results = tmp_path_factory.mktemp("results")

    def outcome(kind, method):
        size = [] if method == "none" else ["method.head_size=16"]
        words = [word for word in run_overrides(results) if not word.startswith("method.")]
        return run(load_config([*words, f"model.path={tiny_models(kind)}", f"method={method}", *size]))

    return outcome


def retained(capsys, *words):
    assert main(["retention", *map(str, words), "format=json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["roberta", "gpt2"])
def test_on_its_own_task_it_says_what_both_runs_say(kind, finished, capsys):
    trained, untouched = finished(kind, "lopa"), finished(kind, "none")
    (row,) = retained(capsys, f"run={trained.directory.path}", "tasks=rte")
    assert (row["run"], row["backbone"]) == pytest.approx((trained.result.score, untouched.result.score))
    assert row["rows"] == 30
    assert row["low"] <= row["difference"] <= row["high"]


def test_other_tasks_and_fewer_rows(finished, capsys):
    directory = finished("roberta", "lopa").directory.path
    rows = retained(capsys, f"run={directory}", "tasks=sst2", "data.source=mini", "data.dir=null", "limit=12")
    assert [(row["task"], row["rows"]) for row in rows] == [("SST-2", 12)]
    assert main(["retention", f"run={directory}", "tasks=rte", "format=markdown"]) == 0
    assert capsys.readouterr().out.startswith("| task | metric | rows |")


def test_the_runs_own_limit_of_rows_is_the_other_tasks_too(overrides, capsys):
    made = run(load_config([*overrides, "method=lopa", "data.limit=20", "train.epochs=1"]))
    (row,) = retained(capsys, f"run={made.directory.path}", "tasks=rte")
    assert row["rows"] == 20


def test_what_cannot_be_asked_is_one_line(finished, tmp_path, capsys):
    directory = finished("roberta", "lopa").directory.path

    def error(*words):
        assert main(["retention", *map(str, words)]) == 2
        told = capsys.readouterr().err
        assert len(complaints(told)) == 1
        return told

    assert "there is no finished run" in error(f"run={tmp_path}", "tasks=rte")
    assert "tasks is needed" in error(f"run={directory}")
    assert "nearest: tasks=rte" in error(f"run={directory}", "tasks=rtf")
    assert "e2e" in error(f"run={directory}", "tasks=e2e")  # a masked LM writes no text
    for word in ("method=pt", "seed=7", "train.epochs=7", "results_dir=x", "model.path=x"):
        assert f"{word}: a task's rows, words and writing can be told" in error(f"run={directory}", "tasks=rte", word)
    told = error(f"run={directory}", "tasks=rte", "limit=5", "data.limit=7")
    assert "limit=5: data.limit says another number of rows" in told


TASK = """\
task: own_words
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{text}}}}"
doc_to_target: {target}
doc_to_choice: [" a dog", " the barn"]
metric_list: [{{metric: {metric}}}]
"""


@pytest.mark.slow
def test_tasks_of_the_harness(finished, tmp_path, capsys):
    needs("lm_eval", "harness")
    directory = finished("gpt2", "lopa").directory.path
    lines = [json.dumps({"text": f"the cat sees {'a red ' * i}", "label": i % 2}) for i in range(9)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    words = {"file": tmp_path / "rows.jsonl", "kind": "multiple_choice", "target": "label", "metric": "acc"}
    (tmp_path / "task.yaml").write_text(TASK.format(**words))
    (row,) = retained(capsys, f"run={directory}", "harness=own_words", f"tasks_dir={tmp_path}")
    assert (row["task"], row["metric"], row["rows"]) == ("own_words", "acc", 9)
    assert row["low"] <= row["run"] - row["backbone"] <= row["high"]
    assert main(["retention", f"run={directory}", "harness=own_wordz", f"tasks_dir={tmp_path}"]) == 2
    assert "nearest: harness=own_words" in capsys.readouterr().err


def test_what_is_retained_has_the_p_of_its_rows():
    a, b, *_ = flips(30, 10, 100)
    kept = _kept("RTE", "accuracy", "%", True, accuracy(a), accuracy(b))
    assert kept.p == mcnemar(np.array(a, bool), np.array(b, bool)) < 0.01
    assert (kept.run, kept.backbone) == (90.0, 70.0)
    assert 0 < kept.low < kept.difference < kept.high


def test_a_score_of_the_harness_is_paired_over_its_own_samples():
    def said(*values, score=None):
        samples = [{"filter": "none", "acc": float(v)} for v in values] + [{"filter": "other", "acc": 0.5}]
        return {
            "results": {"t": {"acc,none": float(np.mean(values)) if score is None else score}},
            "samples": {"t": samples},
        }

    kept = _of_samples("t", "acc", "none", True, said(1, 1, 1, 0), said(0, 0, 1, 0))
    assert (kept.run, kept.backbone, kept.rows) == (0.75, 0.25, 4)
    assert kept.low <= kept.difference == 0.5 <= kept.high
    apart = _of_samples("t", "acc", "none", True, said(1, 1, 1, 0, score=0.9), said(0, 0, 1, 0))
    assert (apart.run, apart.backbone, apart.low, apart.p) == (0.9, 0.25, None, None)
