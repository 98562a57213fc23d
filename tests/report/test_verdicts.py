"""From comparisons to a verdict: which seeds and rows count, what spread, and what a claim is by its parts."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import write_run
from test_sides import accuracy

from lopa_bench.report.crossed import LEVEL
from lopa_bench.report.findings import Finding, by_rule, correct
from lopa_bench.report.statistics import paired_difference, pool
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.history import saved_steps
from lopa_bench.results.read import read_runs
from lopa_bench.study.claim import Claim, Fewer, Part, Region
from lopa_bench.study.claims import BETTER, CLAIMS, IDPG, LOPA
from lopa_bench.study.looks import Look

C1, C9 = CLAIMS[0], CLAIMS[8]
H, N, U = "holds", "fails", "undecided"


def check(root, claim, seeds=3):
    (checked,) = check_claims(read_runs(root, "mini"), "mini", claims=[claim], seeds=seeds)
    return checked


@pytest.mark.parametrize(("rule", "verdicts", "expected"), [
    ("most", [H, H, U, U], U), ("most", [H, H, N, N], N), ("most", [H, H, H, U], H), ("most", [N, U, U, U], U), ("most", [N, N, U, U], N),
    ("most", [N, U, U], U), ("most", [N, N, U], N), ("every", [H, U], U), ("every", [U, N], N),
])  # fmt: skip
def test_most_are_more_than_half(rule, verdicts, expected):
    assert by_rule(rule, verdicts) == expected


def test_a_claim_holds_where_all_its_parts_do(tmp_path):
    for task, ours in (("rte", 10), ("mrpc", 10), ("sst2", 30), ("qnli", 20)):
        write_run(tmp_path, task, "lopa", parameters={"paper": ours, "trained": ours, "total": 99})
        write_run(tmp_path, task, "idpg", parameters={"paper": 20, "trained": 20, "total": 99})

    def part(task):
        return Part(task, "every", (Fewer(task, LOPA, IDPG, "paper_parameters"),))

    checked = check(tmp_path, Claim("C", "", tuple(map(part, ("rte", "mrpc", "sst2")))))
    assert [each.verdict for each in checked.parts] == [H, H, N]
    assert checked.verdict == checked.leaning == N


def test_as_many_parameters_are_not_fewer(tmp_path):
    for method in ("lopa", "idpg"):
        write_run(tmp_path, "rte", method, parameters={"paper": 20, "trained": 20, "total": 99})
    claim = Claim("C", "", (Part("", "every", (Fewer("rte", LOPA, IDPG, "paper_parameters"),)),))
    assert check(tmp_path, claim).verdict == N


def write_effects(root, **effects):
    for task, values in effects.items():
        metric = {"e2e": "bleu"}.get(task, "glue")
        for seed, value in enumerate(values):
            write_run(root, task, "lopa", seed, metrics={metric: 50.0 + value})
            write_run(root, task, "pt", seed, metrics={metric: 50.0})


def test_a_small_study_pools_the_spread_of_tasks_of_one_kind(tmp_path):
    quiet, noisy = [5.0, 5.1, 4.9], [5.0, 9.0, 1.0]
    write_effects(tmp_path, rte=quiet, mrpc=noisy, e2e=[0.0, 20.0, 40.0])
    found = {f.comparison.task: f.difference for f in check(tmp_path, C1, 3).findings if f.difference}
    spread = pool([quiet, noisy])
    assert found["rte"].p == pytest.approx(2 * stats.t.sf(5 / spread.value * math.sqrt(3), 4))
    of_ten = {f.comparison.task: f.difference for f in check(tmp_path, C1, 10).findings if f.difference}
    assert of_ten["rte"].p == pytest.approx(stats.ttest_1samp(quiet, 0.0).pvalue)


@pytest.mark.parametrize(("with_curves", "seeds"), [(2, 0), (3, 3)])
def test_steps_are_compared_where_more_than_half_of_the_seeds_tell_them(tmp_path, with_curves, seeds):
    for seed in range(4):
        for method, scores in {"lopa": (70, 83, 84, 85), "idpg": (60, 65, 70, 82)}.items():
            folder = write_run(tmp_path, "qqp", method, seed)
            if seed < with_curves:
                lines = [f"{100 * (i + 1)},{i + 1},0.5,0.003,{score}" for i, score in enumerate(scores)]
                (folder / "history.csv").write_text("\n".join(["step,epoch,loss,lr,glue", *lines]) + "\n")
    found = check(tmp_path, C9, 4).parts[0].findings[0]
    assert (found.difference.seeds if found.difference else 0) == seeds


def test_one_seed_on_other_examples_is_enough_to_refuse(tmp_path):
    for seed in range(3):
        for method in ("lopa", "pt"):
            test = "b" if (method, seed) == ("pt", 2) else "a"
            write_run(tmp_path, "rte", method, seed, data={"source": "mini", "fingerprints": {"test": test}})
    finding = check(tmp_path, C1).parts[0].findings[0]
    assert (finding.difference, finding.detail) == (None, "the two sides were tested on other examples")


def test_each_of_several_undecided_is_told_what_it_takes_at_its_part_of_the_looks_level():
    contrast, third = C1.parts[0].comparisons[0], LEVEL / 3
    shared = np.random.default_rng(7).random((2, 2000))
    sides = [[accuracy(row < rate)] * 5 for row, rate in zip(shared, (0.80, 0.77), strict=True)]
    base = 100 * float(sides[0][0].rows.mean() - sides[1][0].rows.mean())
    rows = paired_difference(*sides, [base + shift for shift in (-1.0, -0.5, 0.0, 0.5, 1.0)], BETTER)
    seeds = paired_difference([], [], [1.0, 3.0, 0.5, 2.0, -0.6], BETTER)
    told = correct(
        [Finding(contrast, "undecided", difference=each, look=Look((5, 10, 20))) for each in (rows, seeds, seeds)]
    )
    assert [each.verdict for each in told] == ["undecided"] * 3
    assert (
        told[0].difference.more_rows
        == rows.known.more_rows(rows.distance, third * 5 / 35)
        > 2 * rows.known.more_rows(rows.distance, LEVEL * 5 / 35)
    )
    assert (
        told[1].chance
        == seeds.known.chance(20, seeds.distance, third * 20 / 35)
        < seeds.known.chance(20, seeds.distance, LEVEL * 20 / 35) - 0.02
    )


def test_the_chance_between_two_bounds_is_that_of_excluding_both():
    found = paired_difference([], [], [2.2, -1.9, 0.4, 1.8, -2.4], Region(-1.2, 1.2))
    contrast = replace(C1.parts[0].comparisons[0], region=Region(-1.2, 1.2))
    (told,) = correct([Finding(contrast, "undecided", difference=found, look=Look((5, 10, 20)))])
    assert (
        told.chance
        == found.known.chance(20, found.distance, LEVEL * 20 / 35, found.far)
        < found.known.chance(20, found.distance, LEVEL * 20 / 35) - 0.02
    )


@pytest.mark.parametrize(
    ("rows", "saved"), [({"test": 2500, "validation": 9999}, None), ({"validation": 2500, "test": 9999}, 50.0)]
)
def test_chance_is_that_of_the_split_that_selects(tmp_path, rows, saved):
    for method, scores in {"lopa": (57, 57), "idpg": (55, 57)}.items():
        folder = write_run(tmp_path, "qqp", method)
        (folder / "history.csv").write_text(
            "step,epoch,loss,lr,glue\n"
            + "".join(f"{100 * (i + 1)},{i + 1},0.5,0.003,{s}\n" for i, s in enumerate(scores))
        )
        result = json.loads((folder / "result.json").read_text())
        result["data"]["rows"], result["selection"] = rows, "paper"
        (folder / "result.json").write_text(json.dumps(result))
    frame = read_runs(tmp_path, "mini").frame
    a, b = (frame[frame["method"] == method].iloc[0] for method in ("lopa", "idpg"))
    assert saved_steps(a, b, 0.9) == saved


def test_curves_are_compared_at_the_steps_that_both_have(tmp_path):
    """The one that is scored ten times an epoch is at the goal earlier in its first, where the other is scored at the end."""
    curves = {"lopa": {20: 90, 100: 90, 200: 91}, "idpg": {100: 90, 200: 91}, "pt": {150: 90}}
    for method, scores in curves.items():
        folder = write_run(tmp_path, "qqp", method)
        rows = "".join(f"{step},1,0.5,0.003,{score}\n" for step, score in scores.items())
        (folder / "history.csv").write_text(f"step,epoch,loss,lr,glue\n{rows}", encoding="utf-8")
    runs = read_runs(tmp_path, "mini").frame.set_index("method", drop=False)
    assert saved_steps(runs.loc["lopa"], runs.loc["idpg"], 0.9) == 0.0
    assert saved_steps(runs.loc["lopa"], runs.loc["pt"], 0.9) is None
