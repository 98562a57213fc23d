"""Further seeds by need: which comparisons ask for them, which do not, and that `reproduce` makes them until none asks."""

import json
import math

import numpy as np
import pytest
from synthetic import write_run

from lopa_bench.cli import plan, reproduce
from lopa_bench.errors import UserError
from lopa_bench.report.claims_text import asking, needs
from lopa_bench.report.further import further_runs
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import read_runs
from lopa_bench.study import jobs, pool
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known

C1 = CLAIMS[0]
PT = {"rte": 0.5, "mrpc": 0.895, "sst2": 0.9}  # beside LOPA's 0.9: no doubt, near, none


def write(root, seeds, pt=PT, noise=0.0, rows=2000):
    for task, share in pt.items():
        for seed in seeds:
            for method, p in (("lopa", 0.9), ("pt", share)):
                random = np.random.default_rng([seed, method == "pt"])
                p += noise * random.standard_normal()
                write_run(root, task, method, seed, correct=random.random(rows) < p)


def findings(root, claim=C1):
    (checked,) = check_claims(read_runs(root, "mini"), "mini", claims=[claim])
    return {finding.comparison.task: finding for finding in checked.findings}, checked


def asked(root):
    runs = further_runs(planned_runs(tables("mini"), "mini"), read_runs(root, "mini"), "mini")
    return {(run.task, run.method): len(run.seeds) for run in runs}


def test_what_is_decided_or_known_to_a_point_asks_for_no_more(tmp_path):
    write(tmp_path, range(5))
    found, checked = findings(tmp_path)
    assert found["rte"].verdict == "holds"
    assert all(found[task].to_a_point for task in ("mrpc", "sst2"))
    assert {finding.asks for finding in found.values()} == {None}
    assert asking([checked]) == ""
    assert asked(tmp_path) == {}


def test_what_the_last_look_may_decide_asks_for_the_next(tmp_path):
    write(tmp_path, range(5), {"rte": 0.865}, noise=0.02)
    found, checked = findings(tmp_path)
    rte = found["rte"]
    assert (rte.verdict, rte.look.seeds, rte.asks) == ("undecided", 5, 10)
    assert needs(rte) == f"asks for 10 seeds (20 decide it in {math.floor(100 * rte.chance)} % of cases)"
    assert asking([checked]) == "1 comparison asks for further seeds: decide=true of lopa-bench plan and reproduce"
    assert asked(tmp_path) == {("rte", "lopa"): 10, ("rte", "pt"): 10}
    write(tmp_path, range(5, 9), {"rte": 0.865}, noise=0.02)
    (between, _) = findings(tmp_path)
    assert between["rte"].difference == rte.difference
    assert between["rte"].detail == "4 more seeds not counted before the look at 10"
    write(tmp_path, [9], {"rte": 0.865}, noise=0.02)
    assert findings(tmp_path)[0]["rte"].look.seeds == 10


def test_what_the_last_look_would_hardly_decide_asks_for_none_and_says_so(tmp_path):
    write(tmp_path, range(10), {"rte": 0.9}, noise=0.08)
    found, _ = findings(tmp_path)
    assert found["rte"].asks is None
    assert found["rte"].chance < 0.2
    assert (
        needs(found["rte"])
        == f"asks for no more seeds (20 decide it in {math.floor(100 * found['rte'].chance)} % of cases)"
    )


def test_before_the_first_look_the_tables_ask_and_no_claim(tmp_path):
    write(tmp_path, range(4), {"rte": 0.865}, noise=0.02)
    assert asked(tmp_path) == {}


def test_at_the_last_look_none_is_left_to_ask_for(tmp_path):
    write(tmp_path, range(20), {"rte": 0.895}, noise=0.02)
    found, _ = findings(tmp_path)
    assert (found["rte"].look.seeds, found["rte"].look.next, found["rte"].asks) == (20, None, None)


def test_the_plan_has_the_further_seeds_beside_those_of_its_tables(tmp_path, capsys):
    write(tmp_path, range(5), {"rte": 0.865}, noise=0.02)
    words = ["format=json", f"results_dir={tmp_path}", "table=glue"]
    assert plan.main(words) == 0
    usual = json.loads(capsys.readouterr().out)
    assert plan.main([*words, "decide=true"]) == 0
    more = [run for run in json.loads(capsys.readouterr().out) if run not in usual]
    told = f"results_dir={tmp_path}"
    assert more == [
        ["task=rte", f"method={method}", f"seed={seed}", told] for method in ("pt", "lopa") for seed in range(5, 10)
    ]
    assert plan.main([*words[:2], "table=e2e", "decide=true"]) == 0  # whose cells none of this is
    assert all("task=e2e" in run for run in json.loads(capsys.readouterr().out))


def test_one_seed_decides_nothing_and_is_refused(tmp_path):
    with pytest.raises(UserError, match="decide=true: fast=true has one seed"):
        plan.main(["decide=true", "fast=true", f"results_dir={tmp_path}"])


def test_reproduce_looks_on_until_nothing_is_asked_for(tmp_path, monkeypatch):
    """RTE's PT is so near LOPA and so noisy that only twenty seeds may tell; all else is plain after five."""
    made = []

    def run_all(commands, *_):
        for command in commands:
            told = dict(word.split("=", 1) for word in command.overrides)
            task, method, seed = told["task"], told["method"], int(told["seed"])
            near = (task, method) == ("rte", "pt")
            noise = np.random.default_rng([seed, *method.encode()]).standard_normal()
            score = 89.0 + 2 * noise if near else 90.0 + 0.1 * noise
            made.append((task, method, seed))
            write_run(tmp_path, task, method, seed, metrics={known(task).metric: score})
        return [jobs.Job(tuple(command.overrides), "ran") for command in commands]

    monkeypatch.setattr(pool, "run_all", run_all)
    monkeypatch.setattr(reproduce, "write_report", lambda *_: None)
    assert reproduce.main(["decide=true", "table=glue", f"results_dir={tmp_path}"]) == 0
    seeds = {
        key: [seed for *of, seed in made if tuple(of) == key] for key in {(task, method) for task, method, _ in made}
    }
    further = {key: found for key, found in seeds.items() if len(found) > 5}
    assert further == {("rte", method): list(range(20)) for method in ("lopa", "pt")}


def test_reproduce_ends_where_what_has_run_is_still_missing(tmp_path, monkeypatch):
    """A plan may be told what a result does not keep; its runs are found, and found missing again."""
    rounds = []

    def run_all(commands, *_):
        rounds.append(len(commands))
        return [jobs.Job(tuple(command.overrides), "found") for command in commands]

    monkeypatch.setattr(pool, "run_all", run_all)
    monkeypatch.setattr(reproduce, "write_report", lambda *_: None)
    assert reproduce.main(["decide=true", "table=glue", f"results_dir={tmp_path}"]) == 0
    assert len(rounds) == 2


def test_a_comparison_of_which_one_side_is_not_planned_asks_for_nothing(tmp_path):
    write(tmp_path, range(5), {"rte": 0.865}, noise=0.02)
    runs = read_runs(tmp_path, "mini")
    assert further_runs(planned_runs(tables("mini", ["ablation_rank"]), "mini"), runs, "mini") == []


def test_only_runs_with_what_every_run_is_told_are_asked(tmp_path, capsys):
    """Those at the recipe's rate ask for more; those of the rate that is told are all still to be made."""
    write(tmp_path, range(5), {"rte": 0.865}, noise=0.02)
    words = ["format=json", f"results_dir={tmp_path}", "table=glue", "decide=true", "train.lr=0.5"]
    assert plan.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert {word for run in told for word in run if word.startswith("seed=")} == {f"seed={seed}" for seed in range(5)}


def test_a_scale_that_looks_once_is_refused(tmp_path):
    with pytest.raises(UserError, match="decide=true: scale=small has one look"):
        plan.main(["decide=true", "scale=small", f"results_dir={tmp_path}"])


def test_what_is_said_of_a_comparison_that_asks_for_nothing(tmp_path):
    write(tmp_path, range(4), {"rte": 0.865}, noise=0.02)
    assert needs(findings(tmp_path)[0]["rte"]) == "waits for its look at 5 seeds"
    write(tmp_path, range(5), {"mrpc": 0.895})
    assert needs(findings(tmp_path)[0]["mrpc"]) == "known to a point"
