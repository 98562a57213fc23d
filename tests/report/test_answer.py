"""The questions: answered by the claims they rest on, at each scale apart, and by nothing else."""

import json

import numpy as np
import pytest
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.config.files import choices
from lopa_bench.report.answer import answer
from lopa_bench.report.figures.answer import figure
from lopa_bench.report.figures.style import look, styled
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import read_runs
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.questions import QUESTIONS
from lopa_bench.study.spec import GLUE

GATE, ENCODER, REACHED, RANK, USED = range(5)
FROZEN, TRAINED = {"method.freeze_encoder": True}, {"method.freeze_encoder": False}


def write(root, method, share, tasks=GLUE, settings=None, seeds=range(10), rows=400, **fields):
    """Runs that get this share of the rows right."""
    for task in tasks:
        for seed in seeds:
            random = np.random.default_rng([seed, len(method), GLUE.index(task)])
            write_run(root, task, method, seed, correct=random.random(rows) < share, settings=settings, **fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """LOPA with a frozen encoder gets fewer right than IDPG, with a trained one as many as full fine-tuning."""
    root = tmp_path_factory.mktemp("answers")
    write(root, "lopa", 0.6, settings=FROZEN)
    write(root, "lopa", 0.9, settings=TRAINED)
    write(root, "idpg", 0.8, settings=FROZEN)
    write(root, "fft", 0.88)
    write(root, "lopa_add", 0.6, seeds=[0])
    return root


def test_every_question_rests_on_parts_of_claims():
    parts = {claim.name: claim.parts for claim in CLAIMS}
    for question in QUESTIONS:
        assert all(place < len(parts[name]) for name, place in question.parts)
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS)


def test_the_answers_are_those_of_the_claims(folder):
    runs = read_runs(folder, "mini")
    checked = {claim.claim.name: claim for claim in check_claims(runs, "mini")}
    for one in answer(runs, "mini"):
        for (name, place), part in zip(one.question.parts, one.parts, strict=True):
            assert part == checked[name].parts[place]


def test_yes_no_and_nothing_known(folder):
    said = [one.word for one in answer(read_runs(folder, "mini"), "mini")]
    assert said[GATE] == "no"  # frozen LOPA is below IDPG: one failure is enough
    assert said[ENCODER] == said[REACHED] == "yes"
    assert said[RANK] == "no runs"
    assert said[USED] == "undecided"  # its runs do not say what exchanged prompts did


def test_one_seed_leans_and_does_not_decide(tmp_path):
    write(tmp_path, "lopa", 0.6, settings=FROZEN, seeds=[0])
    write(tmp_path, "lopa", 0.9, settings=TRAINED, seeds=[0])
    assert answer(read_runs(tmp_path, "mini"), "mini")[ENCODER].word == "undecided, leans yes"


def test_scales_stand_beside_each_other(folder, tmp_path, capsys):
    assert main(["answer", f"results_dir={folder}"]) == 0
    alone = capsys.readouterr().out
    assert "Is it the gate? embedded: no\n" in alone
    assert "real data" not in alone
    assert main(["answer", f"results_dir={folder}", "format=markdown", f"output={tmp_path / 'a.md'}"]) == 0
    assert "|  | **Is it the gate?** | **no** |" in (tmp_path / "a.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["answer", f"results_dir={folder}", "format=json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["scale"] for one in told] == ["mini"] * len(QUESTIONS)
    gate = told[GATE]["parts"][2]
    assert gate["claim"] == "C12"
    assert all(comparison["interval"][1] < 0 for comparison in gate["comparisons"])


def test_filled_markers_are_decided_comparisons(folder):
    answers = {"mini": answer(read_runs(folder, "mini"), "mini")}
    findings = [finding for one in answers["mini"] for part in one.parts for finding in part.findings]
    decided = sum(finding.verdict in ("holds", "fails") for finding in findings)
    shown = sum(finding.difference is not None for finding in findings)
    with styled():
        drawn = figure(answers)
        drawn.draw_without_rendering()
    (axes,) = drawn.axes
    points = [line for line in axes.lines if line.get_marker() not in ("None", "", None) and len(line.get_xdata()) == 1]
    filled = [line for line in points if line.get_markerfacecolor() != "white"]
    assert (len(filled), len(points)) == (decided, shown)
    assert 0 < decided < shown
    legend, whole = drawn.legends[0].get_window_extent(), drawn.bbox
    assert whole.x0 <= legend.x0 < legend.x1 <= whole.x1


def test_an_interval_over_one_seeds_rows_is_dotted(folder):
    answers = {"mini": answer(read_runs(folder, "mini"), "mini")}
    told = [f.difference.seeds for one in answers["mini"] for part in one.parts for f in part.findings if f.difference]
    (axes,) = figure(answers).axes
    dotted = [lines for lines in axes.collections if lines.get_linestyle()[0][1] is not None]
    assert 0 < len(dotted) == told.count(1) < len(told)


def test_what_read_the_instance_stands_beside_each_statement(folder, tmp_path, capsys):
    """At scale small the claims of the paper are of runs with another encoder than those that train it."""
    assert (
        figure({"mini": answer(read_runs(folder, "mini"), "mini")}).axes[0].get_title()
        == "embedded (encoder: backbone)"
    )
    for method in ("lopa", "lopa_add", "idpg"):
        write(tmp_path, method, 0.6, seeds=range(2), scale="small", settings={"encoder": "mpnet"})
        write(tmp_path, method, 0.6, seeds=range(2), scale="small", settings={"encoder": "backbone", **FROZEN})
    both = answer(read_runs(tmp_path, "small"), "small")
    assert [part.encoders for part in both[GATE].parts] == [["mpnet"], [], ["backbone"], []]
    axes = figure({"small": both}).axes[0]
    assert axes.get_title() == "real data"
    named = [text.get_text() for text in axes.texts if text.get_text() in ("mpnet", "backbone")]
    assert named == ["mpnet", "backbone", "mpnet"]  # the last: C11, of which these runs say nothing
    assert main(["answer", f"results_dir={tmp_path}", "format=json"]) == 0
    told = json.loads(capsys.readouterr().out)[GATE]["parts"]
    assert all(one["encoders"] == ["mpnet"] for one in told[0]["comparisons"])
    assert main(["report", "claims", "--scale", "small", f"results_dir={tmp_path}"]) == 0
    assert "encoder mpnet" in capsys.readouterr().out


def test_every_task_has_a_mark_of_its_own():
    marks = [tuple(look(i).values()) for i in range(len(choices("task")))]
    assert len(set(marks)) == len(marks)


def test_no_runs_are_one_line(tmp_path, capsys):
    assert main(["answer", f"results_dir={tmp_path}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"results_dir={tmp_path}: no finished runs" in error


def test_brackets_of_a_caveat_are_text(tmp_path, capsys):
    told = {"task.template": "[INST] {sentence} [/INST] <mask>"}
    for method in ("lopa", "lopa_add"):
        write_run(tmp_path, "sst2", method, 0, correct=[1, 0] * 20, settings=told)
    assert main(["answer", f"results_dir={tmp_path}"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert "task.template=[INST]{sentence}[/INST]<mask>,nottherecipe's" in shown
