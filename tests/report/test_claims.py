"""Verdicts: what the evidence allows, and no more."""

import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from synthetic import write_run, write_whole_plan

from lopa_bench.cli.report import main
from lopa_bench.errors import UserError
from lopa_bench.report.claims_text import finding_cells, needs, p_text, tally
from lopa_bench.report.fill import filled
from lopa_bench.report.findings import CheckedClaim, CheckedPart, Finding
from lopa_bench.report.statistics import Difference
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.history import saved_steps
from lopa_bench.results.read import read_runs
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.looks import EARLY, Look, look_at
from lopa_bench.study.spec import GENERATION, GLUE
from lopa_bench.tasks.known import known

C1, C2, C6, C7, C9, C11 = (c for c in CLAIMS if c.name in {"C1", "C2", "C6", "C7", "C9", "C11"})


def write_pair(root, tasks, p_a, p_b, seeds=(0, 1, 2), methods=("lopa", "pt"), rows=400):
    random = np.random.default_rng(0)
    for task in tasks:
        for seed in seeds:
            for method, p in zip(methods, (p_a, p_b), strict=True):
                write_run(root, task, method, seed, correct=random.random(rows) < p)


def test_a_run_that_was_scored_otherwise_is_not_compared(tmp_path):
    write_pair(tmp_path, ["rte"], 0.9, 0.5)
    for method in ("lopa", "idpg", "fft", "pt"):
        write_run(tmp_path, "mrpc", method, metrics={"accuracy": 80.0}, metric="accuracy")
    for claim in (C1, C11):
        found = {finding.detail for finding in check(tmp_path, claim).findings if finding.comparison.task == "mrpc"}
        assert "not scored by glue" in found


def check(root, claim, seeds=3):
    (checked,) = check_claims(read_runs(root, "mini"), "mini", claims=[claim], seeds=seeds)
    return checked


@pytest.mark.parametrize("scale", ["mini", "paper"])
def test_the_tables_plan_makes_every_run_that_a_claim_needs(whole_plan, tmp_path, scale):
    if scale == "mini":
        folder = whole_plan
    else:
        folder = tmp_path
        write_whole_plan(folder, scale)
    checked = check_claims(read_runs(folder, scale), scale)
    for claim in checked:
        for part in claim.parts:
            assert {f.verdict for f in part.findings} <= {"holds", "fails", "undecided"}


def test_claims_by_name():
    assert [claim.name for claim in CLAIMS] == [f"C{i}" for i in range(1, 15)]


def test_a_clear_difference_holds(tmp_path):
    write_pair(tmp_path, GLUE, 0.9, 0.6)
    findings = check(tmp_path, C1).parts[0].findings
    assert [f.verdict for f in findings] == ["holds"] * 6 + ["no runs"] * 5
    assert all(25 < f.difference.effect < 35 for f in findings[:6])


def test_a_claim_about_every_task_waits_for_every_task(tmp_path):
    write_pair(tmp_path, GLUE, 0.9, 0.6)
    assert check(tmp_path, C1).verdict == "undecided"
    missing = check(tmp_path, C1).parts[0].findings[-1].missing
    assert {run.task for run in missing} == {"webnlg"}
    assert {run.method for run in missing} == {"lopa", "pt"}


def test_one_contrary_task_refutes_every(tmp_path):
    write_pair(tmp_path, GLUE[:5], 0.9, 0.6)
    write_pair(tmp_path, GLUE[5:], 0.6, 0.9)
    assert check(tmp_path, C1).verdict == "fails"


def test_most_tasks_are_enough_for_most(tmp_path):
    methods = ("lopa", "idpg")
    write_pair(tmp_path, GLUE, 0.9, 0.7, methods=methods)
    assert check(tmp_path, C2).verdict == "holds"  # 6 of 9 tasks


def test_one_seed_decides_nothing(tmp_path):
    write_pair(tmp_path, (*GLUE, *GENERATION[:3]), 0.99, 0.3, seeds=(0,))
    findings = check(tmp_path, C1).parts[0].findings
    assert {f.verdict for f in findings[:9]} == {"undecided"}
    assert needs(findings[0]) == "one seed does not tell how many it takes"


def test_before_the_planned_seeds_are_there_a_verdict_takes_a_smaller_p(tmp_path):
    """Who adds a seed where a verdict is near looks again, and more than once chance has its chance."""
    write_pair(tmp_path, GLUE[:1], 0.8, 0.7)
    now, early = (check(tmp_path, C1, seeds).parts[0].findings[0] for seeds in (3, 10))
    assert 0.001 < now.p_holm < 0.05
    assert early.p_holm == pytest.approx(min(1.0, now.p_holm / EARLY))
    assert [finding.verdict for finding in (now, early)] == ["holds", "undecided"]
    assert needs(early).startswith("about 7 more seeds")
    write_pair(tmp_path, GLUE[1:2], 0.97, 0.3)
    assert {check(tmp_path, C1, seeds).parts[0].findings[1].verdict for seeds in (3, 10)} == {"holds"}


def test_seeds_beyond_the_planned_ones_are_not_counted(tmp_path):
    write_pair(tmp_path, GLUE[:1], 0.8, 0.7, seeds=range(3))
    three = check(tmp_path, C1, 3).parts[0].findings[0]
    for seed, method in itertools.product((3, 4), ("lopa", "pt")):
        write_run(tmp_path, "rte", method, seed, correct=[method == "pt"] * 400)
    beside = check(tmp_path, C1, 3).parts[0].findings[0]
    assert beside.difference == three.difference
    assert beside.detail == "2 more than planned not counted (seeds=5 takes all, and wants as many of every comparison)"
    assert check(tmp_path, C1, 5).parts[0].findings[0].difference.effect < 0


def test_the_seeds_planned_are_those_of_the_first_look_unless_said_otherwise(tmp_path, capsys):
    write_pair(tmp_path, GLUE[:1], 0.8, 0.7)
    told = ["claims", "format=json", f"results_dir={tmp_path}"]
    for words, planned, verdict in ((told, 5, "undecided"), ([*told, "seeds=3"], 3, "holds")):
        main(words)
        found = json.loads(capsys.readouterr().out)[0]["parts"][0]["comparisons"][0]
        assert (found["planned_seeds"], found["verdict"]) == (planned, verdict)


def test_what_one_seed_says_is_no_test_and_corrects_no_others(tmp_path):
    write_pair(tmp_path, GLUE[:2], 0.8, 0.75)
    alone = check(tmp_path, C1).parts[0].findings[:2]
    write_pair(tmp_path, GLUE[2:], 0.8, 0.75, seeds=(0,))
    beside = check(tmp_path, C1).parts[0].findings
    assert [f.p_holm for f in beside[2:6]] == [None] * 4
    assert [f.p_holm for f in beside[:2]] == [f.p_holm for f in alone]


def test_equal_methods_are_undecided_with_what_it_would_take(tmp_path):
    write_pair(tmp_path, GLUE, 0.75, 0.75)
    for finding in check(tmp_path, C1).parts[0].findings[:6]:
        assert finding.verdict == "undecided"
        wanted = [number for number in (finding.more_seeds, finding.difference.more_rows) if number]
        assert all(f"{number:,} more" in needs(finding) for number in wanted)
        assert ("no practical" in needs(finding)) == (not wanted)


def test_predictions_of_other_examples_are_not_paired(tmp_path):
    """Fewer of them on one task, as many but others on the next, none at all but data of other contents on the last."""
    random = np.random.default_rng(0)
    for seed in range(3):
        write_run(tmp_path, "rte", "lopa", seed, correct=random.random(400) < 0.9)
        write_run(tmp_path, "rte", "pt", seed, correct=random.random(300) < 0.5)
        write_run(tmp_path, "mrpc", "lopa", seed, correct=random.random(400) < 0.9)
        lines = [
            {"index": i, "prediction": " Yes", "target": " Yes", "correct": bool(random.random() < 0.5)}
            for i in range(400)
        ]
        glue = known("mrpc").metrics["glue"].of(lines)
        write_run(tmp_path, "mrpc", "pt", seed, predictions=lines, metrics={"glue": glue})
        for method, test in (("lopa", "a"), ("pt", "b")):
            write_run(tmp_path, "sst2", method, seed, data={"source": "mini", "fingerprints": {"test": test}})
    for finding in check(tmp_path, C1).parts[0].findings[:3]:
        assert (finding.verdict, finding.difference) == ("undecided", None)
        assert finding.detail == "the two sides were tested on other examples"


def test_data_of_equal_contents_without_predictions_leave_the_seeds(tmp_path):
    for seed in range(3):
        for method, score in (("lopa", 80.0 + seed), ("pt", 70.0)):
            data = {"source": "mini", "fingerprints": {"test": "a"}}
            write_run(tmp_path, "rte", method, seed, metrics={"glue": score}, data=data)
    finding = check(tmp_path, C1).parts[0].findings[0]
    assert (finding.difference.seeds, finding.difference.rows) == (3, 0)
    assert "seeds only" in finding.detail


def test_a_finding_says_what_its_cell_would_note(tmp_path):
    for seed in range(3):
        write_run(tmp_path, "rte", "lopa", seed, correct=[1] * 10, settings={"train.lr": 0.5})
        write_run(tmp_path, "rte", "pt", seed, correct=[1, 0] * 5)
    finding = check(tmp_path, C1).parts[0].findings[0]
    assert finding.detail == "LOPA: train.lr=0.5, not the recipe's 0.003."


def test_parameters_are_arithmetic_and_both_counts_are_judged(tmp_path):
    """An official LOPA run counts 1.6 M, and trains its encoder's 355 M besides."""
    for task in (*GLUE, *GENERATION[:3]):
        lopa, idpg = {"paper": 10, "trained": 900, "total": 1000}, {"paper": 20, "trained": 20, "total": 1000}
        write_run(tmp_path, task, "lopa", parameters=lopa)
        write_run(tmp_path, task, "idpg", parameters=idpg)
        write_run(tmp_path, task, "lora", parameters=idpg)
    parts = check(tmp_path, C6).parts
    assert [part.verdict for part in parts] == ["holds", "fails"] * 2


def test_parameters_that_do_not_grow_linearly_are_seen(tmp_path):
    for rank, count in ((1, 100), (2, 200), (4, 500)):
        counts = {"paper": count, "trained": count, "total": 1000}
        write_run(tmp_path, "rte", "lopa", settings={"method.rank": rank}, parameters=counts)
        counts = {"paper": 100 * rank, "trained": 100 * rank, "total": 1000}
        write_run(tmp_path, "mrpc", "lopa", settings={"method.rank": rank}, parameters=counts)
    linear = check(tmp_path, C7).parts[1]
    assert [f.verdict for f in linear.findings[:2]] == ["fails", "holds"]


def write_curve(folder, scores):
    lines = ["step,epoch,loss,lr,glue"]
    lines += [f"{100 * (i + 1)},{i + 1},0.5,0.003,{score}" for i, score in enumerate(scores)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")


def test_convergence_compares_steps_to_what_both_reach(tmp_path):
    """Majority 55, the lesser's best 82: the goal is 79.3. LOPA needs 200 steps, IDPG 400."""
    curves = {"lopa": (70, 83, 84, 85), "idpg": (60, 65, 70, 82)}
    for seed in range(3):
        for method, scores in curves.items():
            write_curve(write_run(tmp_path, "qqp", method, seed), scores)
    lopa_idpg = check(tmp_path, C9).parts[0]
    assert lopa_idpg.findings[0].difference.effect == 50.0
    assert saved_steps(*_first(tmp_path, "idpg", "lopa"), 0.9) == -50.0  # as much lost as the other way saved


def test_a_majority_that_is_not_told_is_none(tmp_path):
    for method, scores in (("lopa", (70, 85)), ("idpg", (60, 85))):
        write_curve(write_run(tmp_path, "qqp", method, baseline={}), scores)
    assert saved_steps(*_first(tmp_path, "lopa", "idpg"), 0.8) == 50.0


def _first(root, *methods):
    frame = read_runs(root, "mini").frame
    return [frame[frame["method"] == method].iloc[0] for method in methods]


@pytest.mark.parametrize(("rows", "saved"), [({}, 75.0), ({"validation": 2601}, 75.0), ({"validation": 2500}, None)])
def test_convergence_to_a_level_that_chance_reaches_is_none(tmp_path, rows, saved):
    """Prompt tuning gains two points: of 2,500 rows chance gives as many. What is much better in the end need not be faster to that."""
    for method, scores in {"lopa": (57, 83, 84, 85), "pt": (55, 55, 56, 57)}.items():
        for seed in range(3):
            folder = write_run(tmp_path, "qqp", method, seed)
            write_curve(folder, scores)
            result = json.loads((folder / "result.json").read_text())
            result["data"]["rows"] = rows
            (folder / "result.json").write_text(json.dumps(result))
    found = check(tmp_path, C9).parts[2].findings[0]
    assert (found.difference and found.difference.effect) == saved
    assert saved or "no gain beyond chance" in found.detail


def test_forms_of_the_claims(tmp_path, capsys):
    write_pair(tmp_path, GLUE, 0.9, 0.6)
    assert main(["claims", "--results-dir", str(tmp_path), "--format", "json"]) == 0
    parsed = json.loads(capsys.readouterr().out)
    assert [claim["claim"] for claim in parsed] == [claim.name for claim in CLAIMS]
    comparison = parsed[0]["parts"][0]["comparisons"][0]
    assert comparison["interval"][0] < comparison["effect"] < comparison["interval"][1]
    for form in ("terminal", "markdown"):
        assert main(["claims", "--results-dir", str(tmp_path), "--format", form]) == 0
        assert "C10" in capsys.readouterr().out
    with pytest.raises(UserError, match="format=latex is not one of terminal, markdown, json"):
        main(["claims", "--results-dir", str(tmp_path), "--format", "latex"])


@pytest.mark.parametrize("width", [80, 120])
def test_claims_in_a_terminal_of_any_width_break_no_word(tmp_path, capsys, monkeypatch, width):
    """Every task of a claim has its verdict on its own line, and those without runs are named together."""
    write_pair(tmp_path, GLUE, 0.9, 0.6)
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["claims", "--results-dir", str(tmp_path), "--seeds", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"C1 +(holds|undecided)\b", lines[0])
    assert max(len(line) for line in lines if not line.startswith("  lopa-bench ")) <= width
    shown = [line.replace("95 % interval", "") for line in lines]
    assert not [line for line in shown if re.search(r"\w…", line)]
    tested = [line.split()[:2] for line in lines if " … " in line]
    assert tested == [[task, "holds"] for task in GLUE] * 2  # of C1, and of C13, which compares the same runs
    assert "mbpp, cruxeval_i, cruxeval_o, e2e, webnlg: no runs" in lines
    commands = [line for line in lines if line.startswith("  lopa-bench ")]
    assert len(commands) == len(set(commands))
    assert any("task=mbpp,cruxeval_i,cruxeval_o,e2e,webnlg method=lopa " in command for command in commands)


def test_needs_never_says_zero():
    def needed(planned=3, seeds=3, **found):
        near = Difference(1.0, -0.1, 2.1, seeds, 400, 0.06, 0.06)
        vars(near).update({"more_seeds": 0, "more_rows": 0, **found})  # as if computed
        return needs(Finding(C1.parts[0].comparisons[0], "undecided", "", near, look=look_at((planned,), 3)))

    assert needed() == "about 1 more seed would decide as often as not"
    assert needed(planned=10) == "about 7 more seeds would decide as often as not"
    assert (
        needed(more_seeds=4, more_rows=300) == "about 4 more seeds or 300 more test rows would decide as often as not"
    )
    assert needed(more_seeds=None, more_rows=300) == "about 300 more test rows would decide as often as not"
    assert needed(more_seeds=None, more_rows=None) == "no practical number of seeds or rows would decide"
    assert needed(seeds=1, more_seeds=None, more_rows=300) == "one seed does not tell how many it takes"


def test_what_has_no_effect_leans_neither_way():
    contrast = C1.parts[0].comparisons[0]
    level = Difference(0.0, -1.0, 1.0, 3, 400, 1.0, None)
    for effect, leaning in ((0.0, "undecided"), (0.1, "holds"), (-0.1, "fails")):
        finding = Finding(contrast, "undecided", "", replace(level, effect=effect), look=Look((3,)))
        assert finding.leaning == leaning
        assert ("leans neither way" in finding_cells(finding)[-1]) == (leaning == "undecided")


def test_what_is_known_to_a_point_is_counted():
    contrast, steps = C1.parts[0].comparisons[0], C9.parts[0].comparisons[0]

    def finding(low, high, comparison=contrast, seeds=10, verdict="undecided"):
        effect = (low + high) / 2
        difference = Difference(effect, low, high, seeds, 400, 0.5, None, None, None)
        return Finding(comparison, verdict, "", difference, look=look_at((10,), seeds))

    assert finding(-0.9, 0.9).to_a_point
    assert finding(0.1, 2.0).to_a_point
    assert not finding(-1.1, 1.1).to_a_point
    assert not finding(-0.1, 0.1, seeds=9).to_a_point
    assert not finding(0.3, 0.3).to_a_point
    assert not finding(0.5, 1.0, verdict="holds").to_a_point
    assert not finding(0.5, 1.0, comparison=steps).to_a_point
    found = (finding(-0.9, 0.9), finding(-2.0, 2.0), finding(0.5, 1.0, verdict="holds"))
    part = CheckedPart(C1.parts[0], "undecided", found)
    assert tally(CheckedClaim(C1, "holds", (part,))) == "1 hold, 2 undecided (1 known to a point)"


def test_whether_the_instance_part_is_used(tmp_path):
    """Own prompts against exchanged ones on the same rows and seeds; runs from before say that they do not know."""
    random = np.random.default_rng(0)
    for task, kept in (("rte", 0.6), ("mrpc", 1.0), ("sst2", None), ("qnli", 0.6)):
        for seed in range(3):
            count = 200 if (task, seed) == ("qnli", 2) else 400  # as of another instance_rows
            correct = random.random(count) < 0.9
            other = correct if kept is None else correct & (random.random(count) < kept)
            words = [" Yes" if i % 2 else " No" for i in range(count)]
            lines = [
                {"index": i, "prediction": word if own else "?", "target": word, "correct": bool(own)}
                | (
                    {}
                    if kept is None
                    else {"exchanged": {} if own == also else {"prediction": "?", "correct": bool(also)}}
                )
                for i, (word, own, also) in enumerate(zip(words, correct, other, strict=True))
            ]
            scores = {"own": 100 * correct.mean(), "exchanged": 100 * other.mean(), "mean": 50.0, "off": 50.0}
            instance = None if kept is None else {"rows": count, "variance": 0.1, **scores}
            metrics = {known(task).metric: scores["own"]}
            write_run(tmp_path, task, "lopa", seed, predictions=lines, metrics=metrics, instance=instance)
    found = {f.comparison.task: f for f in check(tmp_path, C11).parts[0].findings}
    assert found["rte"].verdict == "holds"
    assert found["rte"].difference.effect == pytest.approx(36, abs=4)
    assert found["rte"].difference.rows == 400
    assert (found["mrpc"].verdict, found["mrpc"].difference.effect) == ("undecided", 0)
    assert found["sst2"].detail.startswith("its results do not say")
    assert found["qnli"].detail == "no predictions of the same examples: seeds only"
    assert found["qqp"].verdict == "no runs"


def test_what_the_sides_of_a_claim_and_of_a_table_differ_in_beside_the_settings_is_told(tmp_path):
    for task, train in (("rte", "aa"), ("mrpc", "ab"), ("sst2", "aa")):
        for method, rows in zip(("lopa", "pt"), train, strict=True):
            data = {"source": "mini", "fingerprints": {"test": "t", "train": rows}}
            told = {"computed_in": "bf16", "device": "NVIDIA H100"} if (task, method) == ("rte", "pt") else {}
            for seed in range(3):
                write_run(tmp_path, task, method, seed, correct=[1, 0, method == "lopa"] * 40, data=data, **told)
    found = {finding.comparison.task: finding for finding in check(tmp_path, C1).parts[0].findings}
    assert found["rte"].difference is not None
    assert found["rte"].detail == "the two sides differ in precision (fp32 | bf16), device (cpu | NVIDIA H100)"
    assert (found["mrpc"].verdict, found["mrpc"].difference) == ("undecided", None)
    assert found["mrpc"].detail == "the two sides have other things to learn: train rows (a | b)"
    assert found["sst2"].detail == ""
    notes = filled("glue", read_runs(tmp_path, "mini"), "mini").notes
    assert "mrpc: its runs were trained on different train rows (a, b)." in notes
    assert not [note for note in notes if note.startswith(("sst2", "rte:"))]


def test_no_claim_is_decided_across_two_backbones(tmp_path):
    """A difference between two models is none between two methods."""
    for seed in range(3):
        for method, other in (("lopa", "minilm_mlm"), ("pt", "roberta_base")):
            told = {"encoder": "mpnet"} if method == "lopa" else {}
            right = [1, 1, method == "lopa"] * 100
            write_run(tmp_path, "sst2", method, seed, scale="small", correct=right, settings=told, model=other)
    claims = check_claims(read_runs(tmp_path, "small"), "small", claims=[C1])
    (finding,) = [f for f in claims[0].findings if f.comparison.task == "sst2"]
    assert (finding.verdict, finding.difference) == ("undecided", None)
    assert "model (minilm_mlm | roberta_base)" in finding.detail


def test_a_p_is_never_printed_on_the_other_side_of_its_level():
    assert [p_text(p) for p in (0.2, 0.0496, 0.04996, 0.05, 0.0501, 0.0004, 0.001)] == [
        *("0.200", "0.04960", "0.04996", "0.050", "0.050", "< 0.001", "0.001")
    ]


def test_no_count_of_parameters_is_compared_across_two_backbones(tmp_path):
    write_run(tmp_path, "sst2", "lopa", 0, scale="small", settings={"encoder": "mpnet"}, model="minilm_mlm")
    for method, told in (("idpg", {"encoder": "mpnet"}), ("lora", {})):
        write_run(tmp_path, "sst2", method, 0, scale="small", settings=told, model="roberta_base")
    claims = check_claims(read_runs(tmp_path, "small"), "small", claims=[C6])
    found = [finding for finding in claims[0].findings if finding.comparison.task == "sst2" and not finding.missing]
    assert found
    assert {finding.verdict for finding in found} == {"undecided"}
    assert all(finding.detail.startswith("the sides have other models: ") for finding in found)
