"""The second study: which open comparisons ask for it, what its runs are, and whose verdict stands."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import write_run

from lopa_bench.cli import plan
from lopa_bench.report.claims_json import as_json
from lopa_bench.report.claims_text import as_markdown, asking, needs
from lopa_bench.report.crossed import Parts
from lopa_bench.report.findings import Finding
from lopa_bench.report.further import further_runs
from lopa_bench.report.statistics import paired_difference
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import read_runs
from lopa_bench.study import second
from lopa_bench.study.claim import Region
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.estimate import Estimate
from lopa_bench.study.looks import Look
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.tables import tables
from lopa_bench.tasks.sources import FRESH

C1, C9, C11 = CLAIMS[0], CLAIMS[8], CLAIMS[10]
ANEW = {"data.source": FRESH}
ANY = Region(low=0.0)
pytestmark = pytest.mark.xdist_group("second study")  # one process writes its runs


def write(root, task, seeds, share, noise=0.0, rows=2000, settings=None, other="pt"):
    """LOPA answers nine in ten of its rows right, the other method a `share`, each seed's its own by `noise`."""
    for seed in seeds:
        for method, p in (("lopa", 0.9), (other, share)):
            random = np.random.default_rng([seed, method == other, *task.encode()])
            p += noise * random.standard_normal()
            write_run(root, task, method, seed, correct=random.random(rows) < p, settings=settings)


def checked(root, claim=C1, **options):
    (found,) = check_claims(read_runs(root, "mini"), "mini", claims=[claim], **options)
    return found


def finding(root, task, **options):
    return next(found for found in checked(root, **options).findings if found.comparison.task == task)


def asked(root, tasks=None):
    planned = [run for run in planned_runs(tables("mini"), "mini") if not tasks or run.task in tasks]
    runs = further_runs(planned, read_runs(root, "mini"), "mini")
    return {(run.task, run.method): run for run in runs}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """SST-2's PT two points below LOPA: too near for twenty seeds on 2,000 rows, not for forty on 8,000."""
    folder = tmp_path_factory.mktemp("first")
    write(folder, "sst2", range(20), 0.885, noise=0.02)
    return folder


@pytest.fixture(scope="module")
def both(first, tmp_path_factory):
    """The same, measured anew."""
    folder = tmp_path_factory.mktemp("both")
    shutil.copytree(first, folder, dirs_exist_ok=True)
    write(folder, "sst2", range(100, 140), 0.885, rows=8000, settings=ANEW)
    return folder


@pytest.fixture
def near(first, tmp_path):
    """The first study's runs, to write others beside."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_what_is_open_after_its_last_look_asks_for_the_second_study(first):
    found = finding(first, "sst2")
    assert (found.verdict, found.look.seeds, found.asks, found.asks_anew) == ("undecided", 20, None, 40)
    worth = (
        f"decides it in {math.floor(100 * found.chance_anew)} % of cases"
        if found.chance_anew >= 0.5
        else "knows it to a point"
    )
    assert needs(found) == f"asks for the second study (40 seeds and 8,000 other test rows: {worth})"
    assert (
        asking([checked(first)]) == "1 comparison asks for further seeds: decide=true of lopa-bench plan and reproduce"
    )
    runs = asked(first)
    assert set(runs) == {("sst2", "lopa"), ("sst2", "pt")}
    run = runs["sst2", "pt"]
    assert (run.seeds, dict(run.overrides)["data.source"]) == (tuple(range(100, 140)), FRESH)


def test_the_plan_has_its_runs_and_what_they_are_told(near, capsys):
    assert plan.main(["format=json", f"results_dir={near}", "table=glue", "decide=true"]) == 0
    runs = [run for run in json.loads(capsys.readouterr().out) if f"data.source={FRESH}" in run]
    assert len(runs) == 80
    told = ["task=sst2", "method=pt", f"data.source={FRESH}", "instance_rows=0", "seed=100", f"results_dir={near}"]
    assert told in runs
    write(near, "sst2", range(100, 140), 0.885, rows=50, settings=ANEW)
    assert plan.main(["format=json", f"results_dir={near}", "table=glue", "decide=true"]) == 0
    assert not [run for run in json.loads(capsys.readouterr().out) if f"data.source={FRESH}" in run]


def test_its_runs_are_said_to_take_as_long_as_those_on_the_first_test_split(tmp_path):
    for tokens, seconds in ((5, 40.0), (100, 290.0)):
        settings = {"method.num_virtual_tokens": tokens}
        write_run(tmp_path, "sst2", "lopa", settings=settings, seconds={"train": 1.0, "total": seconds})
    estimate = Estimate(read_runs(tmp_path, "mini"), "mini")
    cells = planned_runs(tables("mini", ["ablation_length"]), "mini")
    long = next(
        run for run in cells if run.overrides == {"task": "sst2", "method": "lopa", "method.num_virtual_tokens": 100}
    )
    assert estimate.one(second.anew(long, 40)) == 290.0


def test_with_all_its_runs_its_verdict_stands_and_the_first_ones_is_told(first, both):
    before, found, claim = finding(first, "sst2"), finding(both, "sst2"), checked(both)
    assert (found.verdict, found.difference.seeds, found.difference.rows) == ("holds", 40, 8000)
    assert found.first.difference == before.difference
    assert (found.asks, found.asks_anew) == (None, None)
    effect, low, high = (getattr(before.difference, name) for name in ("effect", "low", "high"))
    assert f"second study; the first: {effect:+.2f} ({low:+.2f} … {high:+.2f}), 20 seeds" in as_markdown([claim])
    comparisons = json.loads(as_json([claim]))[0]["parts"][0]["comparisons"]
    comparison = next(each for each in comparisons if each["task"] == "sst2")
    assert (comparison["first"]["seeds"], comparison["seeds"]) == (20, 40)


def test_what_stays_open_in_it_asks_for_nothing_more(near):
    write(near, "sst2", range(100, 140), 0.9, noise=0.05, rows=100, settings=ANEW)
    found = finding(near, "sst2")
    assert (found.verdict, found.to_a_point, found.asks, found.asks_anew) == ("undecided", False, None, None)
    assert found.first
    assert needs(found).endswith((" would have decided as often as not", " or rows would have decided"))


@pytest.fixture
def wide(near):
    """In the second study PT is LOPA's equal, and the interval a little too wide to be known to a point."""
    write(near, "sst2", range(100, 140), 0.9, noise=0.022, settings=ANEW)
    return near


def test_a_little_too_wide_asks_for_half_as_many_seeds_again(wide):
    found = finding(wide, "sst2")
    assert found.verdict == "undecided"
    assert 1 < found.difference.known.half() < 1.2
    assert found.asks_anew == 60
    assert needs(found) == "asks for 60 seeds in the second study, which know it to a point"
    assert {(*key, run.seeds) for key, run in asked(wide).items()} == {
        ("sst2", method, tuple(range(100, 160))) for method in ("lopa", "pt")
    }


def test_they_count_for_the_interval_and_never_for_the_verdict(wide):
    """Not even where with them it would be decided: they were added after a look."""
    before = finding(wide, "sst2")
    write(wide, "sst2", range(140, 159), 0.8, settings=ANEW)
    assert finding(wide, "sst2") == before
    write(wide, "sst2", [159], 0.8, settings=ANEW)
    found, claim = finding(wide, "sst2"), checked(wide)
    assert found.difference.p < 0.001
    assert (found.verdict, found.p_holm, found.tested) == ("undecided", before.p_holm, 40)
    assert (found.difference.seeds, found.look.seeds, found.asks_anew) == (60, 60, None)
    assert (
        "verdict and p are those of the second study's first 40 seeds, the others were added for the interval"
        in as_markdown([claim])
    )
    comparison = next(e for e in json.loads(as_json([claim]))[0]["parts"][0]["comparisons"] if e["task"] == "sst2")
    assert (comparison["seeds"], comparison["tested_seeds"]) == (60, 40)


def test_where_they_do_not_bring_it_within_a_point_it_says_so(wide):
    write(wide, "sst2", range(140, 160), 0.9, noise=0.06, settings=ANEW)
    found = finding(wide, "sst2")
    assert (found.verdict, found.to_a_point, found.asks_anew) == ("undecided", False, None)
    assert needs(found) == "not known to a point with seeds added for it, either"


def test_tables_that_miss_nothing_of_the_second_study_ask_for_them(wide):
    """Whatever other tables' comparisons miss of it."""
    write(wide, "qnli", range(20), 0.885, noise=0.02, other="idpg")
    assert set(asked(wide)) == {("qnli", "lopa"), ("qnli", "idpg")}
    assert set(asked(wide, ["sst2"])) == {("sst2", "lopa"), ("sst2", "pt")}


def test_with_them_it_is_known_to_a_point(wide):
    write(wide, "sst2", range(140, 160), 0.9, settings=ANEW)
    found = finding(wide, "sst2")
    assert (found.verdict, found.to_a_point, needs(found)) == ("undecided", True, "known to a point")
    assert asked(wide) == {}


def test_they_are_not_asked_for_before_the_claims_other_comparisons_are_there(wide):
    """With these its p may fall yet."""
    write(wide, "qnli", range(20), 0.885, noise=0.02)
    assert finding(wide, "qnli").asks_anew == 40
    assert finding(wide, "sst2").asks_anew is None
    assert set(asked(wide)) == {("qnli", "lopa"), ("qnli", "pt")}


@pytest.mark.parametrize("half", [0.9, 1.05, 1.2])
@pytest.mark.parametrize(("bound", "missing"), [(-np.inf, 0.06), (0.0, 0.07)])
def test_seeds_added_to_an_interval_leave_it_nearly_honest(half, bound, missing):
    """By its width alone they would let 5.3 % at most miss the truth, 0; where that is at the bound, and 5 % are decided, it is 6.5."""
    few, many, studies = 10, 15, 10_000
    random = np.random.default_rng(0)
    effects = random.standard_normal((studies, many)) * half / stats.t.isf(0.025, few - 1) * np.sqrt(few)
    missed = asked = 0
    for sample in effects:
        found = paired_difference([], [], sample[:few], ANY)
        decided = bound == 0 and found.p < 0.05
        verdict = "holds" if decided else "undecided"
        asking = Finding(C1.parts[0].comparisons[0], verdict, difference=found, look=Look((few,)))
        if asking.asking_closer(many).asks_anew:
            asked += 1
            found = paired_difference([], [], sample, ANY)
        missed += not found.low <= 0 <= found.high
    assert asked > studies / 10
    assert missed / studies < missing


def test_its_level_is_its_own_and_divided_by_what_it_tests_alone(near):
    """Beside it RTE, decided by the first study, is in no correction of the second."""
    write(near, "rte", range(5), 0.5, rows=100)
    write(near, "sst2", range(100, 140), 0.885, rows=500, settings=ANEW)
    found = finding(near, "sst2")
    assert found.p_holm == found.difference.p
    assert found.look.share == 1
    assert finding(near, "rte").first is None


def test_a_test_that_is_to_come_counts_in_the_correction(near):
    write(near, "qnli", range(20), 0.885, noise=0.02)
    write(near, "sst2", range(100, 140), 0.885, rows=500, settings=ANEW)
    assert finding(near, "qnli").asks_anew == 40
    found = finding(near, "sst2")
    assert found.p_holm == pytest.approx(2 * found.difference.p)
    write(near, "qnli", range(100, 140), 0.885, rows=500, settings=ANEW)
    found, other = finding(near, "sst2"), finding(near, "qnli")
    assert max(found.p_holm, other.p_holm) <= 2 * max(found.difference.p, other.difference.p)
    assert min(found.p_holm, other.p_holm) == pytest.approx(2 * min(found.difference.p, other.difference.p))


def test_a_verdict_of_the_first_study_stands_whatever_the_second_has(tmp_path):
    write(tmp_path, "rte", range(5), 0.5, rows=100)
    write(tmp_path, "rte", range(100, 140), 0.95, rows=100, settings=ANEW)
    found = finding(tmp_path, "rte")
    assert (found.verdict, found.first, found.difference.seeds) == ("holds", None, 5)


def test_what_is_known_to_a_point_or_far_from_it_asks_for_nothing(tmp_path):
    write(tmp_path, "mrpc", range(20), 0.9)
    write(tmp_path, "sst2", range(20), 0.9, noise=0.15)
    for task in ("mrpc", "sst2"):
        assert finding(tmp_path, task).asks_anew is None
    assert asked(tmp_path) == {}


def test_whether_the_instance_is_used_is_not_asked_anew(tmp_path):
    """The second study's runs answer with their own prompts alone."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        lines = [
            {"index": i, "prediction": " No", "target": " No", "correct": True, "exchanged": {}} for i in range(2000)
        ]
        for line in random.choice(lines, 40, replace=False):
            own, other = (
                ((" Yes", False), (" No", True)) if random.random() < 0.45 else ((" No", True), (" Yes", False))
            )
            line.update(prediction=own[0], correct=own[1], exchanged={"prediction": other[0], "correct": other[1]})
        score = 100 * float(np.mean([line["correct"] for line in lines]))
        instance = {
            "rows": 2000,
            "own": score,
            "exchanged": score - 0.1 + 3 * random.standard_normal(),
            "mean": 1.0,
            "off": 1.0,
            "variance": 0.1,
        }
        write_run(tmp_path, "sst2", "lopa", seed, predictions=lines, metrics={"glue": score}, instance=instance)
    (found,) = [each for each in checked(tmp_path, C11).findings if each.difference]
    assert found.is_open
    assert found.asks_anew is None


def test_tasks_without_a_second_test_split_have_none(tmp_path):
    write(tmp_path, "mbpp", range(20), 0.885, noise=0.02)
    assert second.seeds("mini", "mbpp") is None
    assert second.seeds("small", "sst2") is None


@pytest.mark.parametrize("seeds", [range(40), [*range(5), *range(105, 140)], range(100, 139), range(101, 141)])
def test_only_its_own_seeds_count_and_only_all_of_them(near, seeds):
    """Those of the looks are the models by which it was chosen what is measured anew."""
    write(near, "sst2", seeds, 0.885, rows=50, settings=ANEW)
    assert finding(near, "sst2").first is None


def test_it_begins_when_no_comparison_asks_for_a_look(near):
    write(near, "rte", range(5), 0.865, noise=0.02)
    assert finding(near, "rte").asks == 10
    assert finding(near, "sst2").asks_anew is None
    assert {(*key, len(run.seeds)) for key, run in asked(near).items()} == {("rte", "lopa", 10), ("rte", "pt", 10)}


def test_a_report_of_other_rows_has_none(both):
    runs = read_runs(both, "mini").only({"data.limit": None})
    (found,) = check_claims(runs, "mini", claims=[C1])
    assert not [finding for finding in found.findings if finding.first or finding.asks_anew]


def test_a_fast_report_and_one_with_a_number_of_seeds_have_no_second_study(both):
    assert finding(both, "sst2", seeds=20).first is None


def test_every_open_comparison_of_speed_asks_and_its_runs_are_evaluated_within_the_epoch(tmp_path):
    for method, place in (("lopa", 0), ("idpg", 1)):
        for seed in range(20):
            first = (100, 200, 300)[(seed * (place + 1)) % 3]
            folder = write_run(tmp_path, "mnli", method, seed, metrics={"glue": 90.0 + 0.1 * ((seed + place) % 2)})
            curve = f"step,epoch,loss,glue\n50,1,0.5,60\n{first},1,0.5,89\n400,2,0.4,90\n"
            (folder / "history.csv").write_text(curve, encoding="utf-8")
    runs = asked(tmp_path)
    assert set(runs) == {("mnli", "lopa"), ("mnli", "idpg")}
    assert all(run.beside == {"instance_rows": 0, "train.evaluations": 10} for run in runs.values())


def test_spread_over_other_seeds_and_rows():
    """What examples, seeds and the rest add to a mean's variance goes with one over their numbers."""
    known = Parts(examples=0.5 + 0.1, seeds=0.3 + 0.1, rest=0.1, freedom=9, rows=500, count=10)
    assert known.anew(10, 500) == known
    found = known.anew(40, 2000)
    assert found == Parts(
        examples=pytest.approx(0.5 / 4 + 0.1 / 16),
        seeds=pytest.approx(0.3 / 4 + 0.1 / 16),
        rest=pytest.approx(0.1 / 16),
        freedom=39,
        rows=2000,
        count=40,
    )
    only_seeds = replace(known, examples=0.0, rest=0.0, rows=0)
    assert only_seeds.anew(40, 8000) == replace(only_seeds, seeds=pytest.approx(0.1), freedom=39, count=40)
