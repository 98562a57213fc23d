"""Every metric's folder loads with `evaluate.load`, offline, and gives the scores of the package."""

import subprocess
import sys
from pathlib import Path

import pytest

import lopa_bench
from lopa_bench.metrics import captions, nlg
from lopa_bench.metrics.classification import classification_scores

MODULES = Path(lopa_bench.__file__).parent / "metrics/evaluate_modules"


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")))
        import evaluate

        cache = str(tmp_path_factory.mktemp("cache"))
        yield lambda name: evaluate.load(str(MODULES / name), cache_dir=cache)


def test_labels_that_are_numbers_have_an_f1(load):
    for label in ("1", 1):
        scores = load("glue").compute(predictions=[1, 0, 1, 0], references=[1, 0, 1, 0], f1_label=label)
        assert scores == {"accuracy": 100.0, "f1": 100.0, "glue": 100.0}


@pytest.mark.parametrize(("predictions", "labels", "f1_label"), [(["1", "0"], ["1", "1"], "1"), ([1, 0], [1, 1], 1)])
def test_glue(load, predictions, labels, f1_label):
    scores = load("glue").compute(predictions=predictions, references=labels, f1_label=f1_label)
    assert scores == classification_scores(labels, predictions, f1_label)


@pytest.mark.parametrize(("name", "score"), [("e2e", nlg.e2e), ("webnlg", nlg.webnlg)])
def test_generation(load, monkeypatch, name, score):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    outputs, references = ["a cheap pub by the river"], [["a pub by the river", "the cheap pub"]]
    assert load(name).compute(predictions=outputs, references=references) == score(outputs, references)


def test_mbpp(load):
    problem = {
        "task_id": "MBPP/0",
        "prompt": "def f(x):\n",
        "test": "def check(candidate):\n    assert candidate(3) == 3\n",
        "entry_point": "f",
    }
    scores = load("mbpp").compute(predictions=[["    return x", "    return 4"]], references=[problem], k=[1, 2])
    assert scores == {"pass@1": 50, "pass@2": 100}


def test_cruxeval(load):
    problem = {"id": "sample_0", "code": "def f(x):\n    return x", "input": "3", "output": "3"}
    assert load("cruxeval").compute(predictions=[["3", "4"]], references=[problem], mode="output") == {"pass@1": 50}


def test_nothing_imports_evaluate_before_it_is_asked_for():
    code = (
        "import sys, lopa_bench.cli.score, lopa_bench.metrics.programs; from lopa_bench.metrics import nlg;"
        "sys.exit(', '.join(m for m in ('evaluate', 'datasets', 'torch', 'sacrebleu', 'pandas') if m in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.strip() == ""
