"""A task added as one YAML and a method as one Python file and one YAML do all that the shipped ones do, through the command line."""

import json
import random
from types import SimpleNamespace

import pytest

from lopa_bench.cli.main import main
from lopa_bench.results.frame import load_results

TASK = """\
# Is the sentence acceptable (two classes)? Matthews' correlation.
_target_: lopa_bench.tasks.glue.Glue
name: acceptability
family: glue
template: "{sentence} . <mask> ."
label_words: {"0": " No", "1": " Yes"}
scored_by: [accuracy, matthews]
header: false
columns: {sentence: ["3"], label: ["1"]}
files: {train: ["CoLA/train.tsv"], test: ["CoLA/dev.tsv"]}
hub: null
about: {label: Acceptability, seeds: 2, size: {train: 8551, test: 1043, input: 11, completion: 1}}
"""
METHOD_YAML = """\
# One learnt number per virtual token and instance scales the task prompt.
_target_: scaled_prompt_for_a_test.ScaledPrompt
name: scaled_prompt
num_virtual_tokens: ${setting:num_virtual_tokens}
head_size: ${setting:head_size}
dropout: 0.1
pooling: ${setting:pooling}
freeze_encoder: ${setting:freeze_encoder}
"""
METHOD = """\
from __future__ import annotations

from lopa_bench.config.fields import settings
from lopa_bench.methods.instance_prompt import InstancePromptMethod


@settings
class ScaledPrompt(InstancePromptMethod):
    def head_outputs(self, shape):
        return {"scale": self.num_virtual_tokens}

    def parts(self, shape):
        from lopa_bench.methods.heads import soft_prompt

        return {"z_s": soft_prompt(self.num_virtual_tokens, shape.width), **self.heads(shape)}

    def prompt(self, parts, features, batch_size):
        return parts.z_s * parts.scale(features).unsqueeze(-1)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder for ``conf.path`` with a task and a method, and the method's class on the Python path."""
    for name, text in {"task/acceptability": TASK, "method/scaled_prompt": METHOD_YAML}.items():
        path = tmp_path / "own" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (tmp_path / "python").mkdir()
    (tmp_path / "python/scaled_prompt_for_a_test.py").write_text(METHOD)
    monkeypatch.syspath_prepend(tmp_path / "python")
    return f"conf.path={tmp_path / 'own'}"


@pytest.fixture
def data(tmp_path):
    """CoLA's layout: no header; source, label, the author's mark, sentence. A sentence without its article is not acceptable."""
    draw, folder = random.Random(0), tmp_path / "data/CoLA"
    folder.mkdir(parents=True)
    for name, rows in (("train", 48), ("dev", 24)):
        lines = []
        for _ in range(rows):
            label = draw.randrange(2)
            article = "the " if label else ""
            lines.append(f'gj04\t{label}\t{"" if label else "*"}\t{article}{draw.choice(["dog", "cat"])} sees a "barn"')
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return f"data.dir={tmp_path / 'data'}"


@pytest.fixture
def ask(own, capsys):
    def ask(*words):
        status, (out, err) = main([*words, own]), capsys.readouterr()
        assert status == 0, out + err
        return out

    return ask


@pytest.fixture
def roomy(monkeypatch):
    """A machine that has what a run needs, whatever the tests' own machine has left."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1 << 40))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1 << 40))


def test_a_task_and_a_method_of_ones_own(ask, data, tmp_path, tiny_models, roomy):
    results = f"results_dir={tmp_path / 'results'}"
    model = ["model=local", f"model.path={tiny_models('roberta')}"]
    run = ["scale=mini", "task=acceptability", "data.source=files", data, *model, "method.head_size=16"]
    methods = ("lopa", "scaled_prompt")

    assert "Is the sentence acceptable (two classes)?" in ask("list", "task")
    assert "scales the task prompt" in ask("list", "method")
    for method in methods:
        told = ask(*run, f"method={method}", "train.epochs=2", "train.batch_size=8", results)
        assert "matthews" in told
        assert "(24 rows)" in told

    frame = load_results(tmp_path / "results").set_index("method")
    assert set(frame.index) == set(methods)
    assert set(frame["metric"]) == {"matthews"}
    m, width, hidden = 10, 32, 16
    assert frame.loc["scaled_prompt", "trained_parameters"] == m * width + (width * hidden + hidden) + (hidden + 1) * m

    a, b = (str(path.parent) for path in frame["path"])
    compared = json.loads(ask("compare", a, b, "format=json"))
    assert compared["metric"] == "matthews"
    assert compared["rows"] == 24
    assert compared["effect"] == pytest.approx(frame["score"].iloc[0] - frame["score"].iloc[1])
    assert compared["interval"][0] <= compared["effect"] <= compared["interval"][1]

    assert "ok    memory" in ask("doctor", *run, "method=scaled_prompt", results)
    assert "# 156 runs planned, 156 missing" in ask("plan", "table=glue", "--commands", results)
    assert "Missing" in ask("report", results)

    bill = json.loads(ask("cost", str(tiny_models("roberta")), "tokens=16", "latency=false", "json=true"))
    own = next(row for row in bill["methods"] if row["method"] == "scaled_prompt")
    assert own["tokens"] == m
    assert own["server_bytes"] == 0
    assert own["client_bytes"] > 0


def test_work_is_estimated_from_what_the_yaml_says(own, data, tiny_models):
    from lopa_bench.config.compose import load_config
    from lopa_bench.config.files import searching
    from lopa_bench.errors import UserError
    from lopa_bench.run.work import flops

    words = [
        "scale=mini",
        "task=acceptability",
        "data.source=files",
        data,
        "model=local",
        f"model.path={tiny_models('roberta')}",
        own,
    ]
    with searching(own.partition("=")[2]):
        reading, writing = flops(load_config(words))
        assert reading > 0
        assert writing == 0
        with pytest.raises(UserError, match=r"task\.about\.size=.*is needed"):
            flops(load_config([*words, "task.about.size=null"]))


def test_a_mistake_in_its_facts_is_named(own, data, tiny_models, capsys):
    words = ["task=acceptability", data, "model=local", f"model.path={tiny_models('roberta')}", own]
    assert main([*words, "+task.about.colour=blue"]) == 2
    assert "colour" in capsys.readouterr().err
    assert main([*words, "task.about.size.train=-1"]) == 2
    assert "task.about.size.train=-1 must be at least 1" in capsys.readouterr().err
