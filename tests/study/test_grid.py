"""The same budget for all, an edge that is followed until it turns, and a choice on validation scores alone."""

import pytest
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.config.files import choices
from lopa_bench.results.read import read_runs
from lopa_bench.study.grid import RATES, STARTS, TASKS, Point, choose, contenders, points, read_scores

PT, LOPA = contenders(("pt",))[0], contenders(("lopa",))[0]


def test_every_method_is_in_it_once_and_has_the_same_budget():
    every = contenders()
    assert {each.method for each in every} == set(choices("method")) - {"none", "encoder_probe"}
    assert len(set(every)) == len(every)
    assert (PT.frozen, LOPA.frozen, LOPA.starts) == (None, True, STARTS)
    assert {len(points(each, {})) / len(each.starts) for each in every} == {len(RATES)}


def test_a_rate_at_the_edge_is_followed_until_the_score_turns():
    scores = {Point(PT, rate): 70 + i for i, rate in enumerate(RATES)}
    assert points(PT, scores)[-1] == Point(PT, 1e-2)
    assert choose(PT, scores).rung == 1e-2
    scores[Point(PT, 1e-2)] = 80.0
    assert points(PT, scores)[-1] == Point(PT, 3e-2)
    scores[Point(PT, 3e-2)] = 79.0
    assert (choose(PT, scores).point.rate, choose(PT, scores).rung) == (1e-2, None)


def test_the_start_of_the_best_point_is_followed_once_the_grid_is_whole():
    down = {Point(LOPA, rate, STARTS[0]): -rate for rate in RATES}
    flat = {Point(LOPA, rate, STARTS[1]): -10.0 + rate for rate in RATES}
    unfinished = {Point(LOPA, RATES[-1], STARTS[2]): -90.0}
    assert len(points(LOPA, down | flat | unfinished)) == len(RATES) * len(STARTS)
    whole = down | flat | {Point(LOPA, rate, STARTS[2]): -90.0 for rate in RATES}
    assert points(LOPA, whole)[len(RATES) * len(STARTS) :] == [Point(LOPA, 1e-4, STARTS[0])]
    another = whole | {Point(LOPA, 1e-4, STARTS[0]): -20.0, Point(LOPA, RATES[-1], STARTS[1]): 5.0}
    assert points(LOPA, another)[len(RATES) * len(STARTS) :] == [Point(LOPA, 1e-2, STARTS[1])]


def test_the_best_settings_are_run_to_the_end_and_choose(tmp_path):
    scores = {Point(PT, rate): 70 + i for i, rate in enumerate(RATES)} | {Point(PT, 1e-2): 71.5}
    first, second, third = (Point(PT, rate, whole=True) for rate in (3e-3, 1e-2, 1e-3))
    assert points(PT, scores)[len(RATES) :] == [first, second, third]
    assert not choose(PT, scores).point.whole
    scores |= {first: 75.0, second: 80.0}
    assert points(PT, scores)[len(RATES) :] == [first, second, third]
    assert choose(PT, scores).point == second
    assert "train.epochs=4" in Point(PT, 1e-2).run("rte").argv()[0]
    assert not [word for word in second.run("rte").argv()[0] if "epochs" in word]


def test_the_best_of_the_finals_is_followed_where_its_rate_is_at_an_edge():
    scores = {Point(PT, rate): 70 + score for rate, score in zip(RATES, (1, 2, 0), strict=True)}
    lowest, *others = (Point(PT, rate, whole=True) for rate in RATES)
    scores |= {lowest: 80.0, others[0]: 75.0}
    assert points(PT, scores)[len(RATES) :] == [others[0], lowest, others[1]]  # not before all of them have ended
    scores[others[1]] = 70.0
    further = Point(PT, 1e-4, whole=True)
    assert points(PT, scores)[-1] == further
    assert choose(PT, scores).rung == 1e-4
    scores[further] = 79.0
    assert points(PT, scores)[len(RATES) :] == [others[0], lowest, others[1]]
    assert (choose(PT, scores).point, choose(PT, scores).rung) == (lowest, None)


def test_equal_scores_choose_the_lower_rate():
    scores = {Point(PT, rate): 80.0 for rate in RATES}
    assert choose(PT, scores).point.rate == RATES[0]
    assert choose(LOPA, scores) is None


def test_scores_are_the_means_of_validation_scores_of_points_with_a_result_on_every_task(tmp_path):
    for task, validation in zip(TASKS, (90.0, 70.0), strict=True):
        for rate, more in ((1e-3, 0.0), (3e-3, 2.0)):
            settings = {"train.lr": rate, "train.epochs": 4, "method.freeze_encoder": True, "method.init_std": 0.1}
            if (task, rate) == ("sst2", 3e-3):
                continue
            scores = {"test": {"glue": 10.0}, "validation": {"glue": validation + more}}
            write_run(tmp_path, task, settings=settings, metrics_per_split=scores, metrics={"glue": 10.0})
    found = read_scores(read_runs(tmp_path, "mini"), contenders(("lopa",)))
    assert found == {Point(LOPA, 1e-3, 0.1): 80.0}
    table = tmp_path / "scores.csv"
    assert main(["grid", "method=lopa", "--dry-run", f"results_dir={tmp_path}", f"output={table}"]) == 0
    assert table.read_text().splitlines() == [
        "method,encoder,train.lr,method.init_std,epochs,rte,sst2",
        "lopa,frozen,0.001,0.1,a third,90.0,70.0",
        "lopa,frozen,0.003,0.1,a third,92.0,",
    ]


def test_the_command_says_what_is_missing_and_names_a_method_it_does_not_have(tmp_path, capsys):
    assert main(["grid", "method=pt", "--dry-run", f"results_dir={tmp_path / 'none'}"]) == 0
    out = capsys.readouterr().out
    assert f"{len(RATES) * len(TASKS)} runs missing" in out
    assert "no run on all tasks" in out
    assert main(["grid", "method=none", "--dry-run"]) == 2
    assert "method=none is not one of adapter" in capsys.readouterr().err


@pytest.mark.parametrize("contender", [PT, LOPA])
def test_a_point_is_a_run_like_any_other(contender):
    run = Point(contender, 1e-3, 0.1 if contender.frozen else None).run("rte")
    assert run.argv()[0][:3] == ["task=rte", f"method={contender.method}", "train.lr=0.001"]


def test_a_trained_encoder_has_a_rate_of_its_own():
    frozen, trained = contenders(("lopa",))
    assert "train.encoder_lr=0.0003" in Point(trained, 1e-3, 0.1).run("rte").argv()[0]
    assert not [word for word in Point(frozen, 1e-3, 0.1).run("rte").argv()[0] if "encoder_lr" in word]
