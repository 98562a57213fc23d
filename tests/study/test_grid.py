"""The same budget for all, an edge that is followed until it turns, and a choice on validation scores alone."""

import pytest
from synthetic import write_run

from lopa_bench.cli.grid import Options, grid_of, missing
from lopa_bench.cli.main import main
from lopa_bench.config.files import choices
from lopa_bench.results.read import read_runs
from lopa_bench.study.grid import GRIDS, RATES, Point, choose, grid

MINI = GRIDS["mini"]
TASKS, STARTS = MINI.tasks, MINI.starts
PT, LOPA = MINI.contenders(("pt",))[0], MINI.contenders(("lopa",))[0]


def test_every_method_is_in_it_once_and_has_the_same_budget():
    every = MINI.contenders()
    assert {each.method for each in every} == set(choices("method")) - {"none", "encoder_probe"}
    assert len(set(every)) == len(every)
    assert (PT.frozen, LOPA.frozen, LOPA.starts) == (None, True, STARTS)
    assert {len(MINI.points(each, {})) / len(each.starts) for each in every} == {len(RATES)}


def test_a_rate_at_the_edge_is_followed_until_the_score_turns():
    scores = {Point(PT, rate): 70 + i for i, rate in enumerate(RATES)}
    assert MINI.points(PT, scores)[-1] == Point(PT, 1e-2)
    assert choose(PT, scores).rung == 1e-2
    scores[Point(PT, 1e-2)] = 80.0
    assert MINI.points(PT, scores)[-1] == Point(PT, 3e-2)
    scores[Point(PT, 3e-2)] = 79.0
    assert (choose(PT, scores).point.rate, choose(PT, scores).rung) == (1e-2, None)


def test_the_start_of_the_best_point_is_followed_once_the_grid_is_whole():
    down = {Point(LOPA, rate, STARTS[0]): -rate for rate in RATES}
    flat = {Point(LOPA, rate, STARTS[1]): -10.0 + rate for rate in RATES}
    unfinished = {Point(LOPA, RATES[-1], STARTS[2]): -90.0}
    assert len(MINI.points(LOPA, down | flat | unfinished)) == len(RATES) * len(STARTS)
    whole = down | flat | {Point(LOPA, rate, STARTS[2]): -90.0 for rate in RATES}
    assert MINI.points(LOPA, whole)[len(RATES) * len(STARTS) :] == [Point(LOPA, 1e-4, STARTS[0])]
    another = whole | {Point(LOPA, 1e-4, STARTS[0]): -20.0, Point(LOPA, RATES[-1], STARTS[1]): 5.0}
    assert MINI.points(LOPA, another)[len(RATES) * len(STARTS) :] == [Point(LOPA, 1e-2, STARTS[1])]


def test_the_best_settings_are_run_to_the_end_and_choose(tmp_path):
    scores = {Point(PT, rate): 70 + i for i, rate in enumerate(RATES)} | {Point(PT, 1e-2): 71.5}
    first, second, third = (Point(PT, rate, whole=True) for rate in (3e-3, 1e-2, 1e-3))
    assert MINI.points(PT, scores)[len(RATES) :] == [first, second, third]
    assert not choose(PT, scores).point.whole
    scores |= {first: 75.0, second: 80.0}
    assert MINI.points(PT, scores)[len(RATES) :] == [first, second, third]
    assert choose(PT, scores).point == second
    assert "train.epochs=4" in MINI.run(Point(PT, 1e-2), "rte").argv()[0]
    assert not [word for word in MINI.run(second, "rte").argv()[0] if "epochs" in word]


def test_the_best_of_the_finals_is_followed_where_its_rate_is_at_an_edge():
    scores = {Point(PT, rate): 70 + score for rate, score in zip(RATES, (1, 2, 0), strict=True)}
    lowest, *others = (Point(PT, rate, whole=True) for rate in RATES)
    scores |= {lowest: 80.0, others[0]: 75.0}
    assert MINI.points(PT, scores)[len(RATES) :] == [others[0], lowest, others[1]]  # not before all of them have ended
    scores[others[1]] = 70.0
    further = Point(PT, 1e-4, whole=True)
    assert MINI.points(PT, scores)[-1] == further
    assert choose(PT, scores).rung == 1e-4
    scores[further] = 79.0
    assert MINI.points(PT, scores)[len(RATES) :] == [others[0], lowest, others[1]]
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
    found = MINI.scores(read_runs(tmp_path, "mini"), MINI.contenders(("lopa",)))
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
    run = MINI.run(Point(contender, 1e-3, 0.1 if contender.frozen else None), "rte")
    assert run.argv()[0][:3] == ["task=rte", f"method={contender.method}", "train.lr=0.001"]


def test_a_trained_encoder_has_a_rate_of_its_own():
    frozen, trained = MINI.contenders(("lopa",))
    rates = [
        MINI.run(Point(each, 1e-3, 0.1), "rte").recipe("mini").get("train.encoder_lr") for each in (frozen, trained)
    ]
    assert rates == [None, 3e-4]


def test_what_is_told_is_the_same_in_all_runs_and_not_varied():
    told = grid(
        "mini",
        ("qqp",),
        {"method.init_std": "0.1", "method.freeze_encoder": "false", "train.epochs": "2", "train.compile": "true"},
    )
    (lopa,) = told.contenders(("lopa",))
    run = told.run(Point(lopa, 1e-3, whole=True), "qqp")
    assert (lopa.frozen, lopa.starts, told.part, told.tasks) == (False, (None,), 1, ("qqp",))
    assert run.overrides == {"task": "qqp", "method": "lopa", "train.lr": 1e-3, "method.freeze_encoder": False, "method.init_std": "0.1",
                             "train.epochs": "2"}  # fmt: skip
    (fft,) = told.contenders(("fft",))
    assert "method.init_std" not in told.run(Point(fft, 1e-3, whole=True), "qqp").overrides


def test_on_real_data_all_epochs_are_run_once_at_the_recipes_start(tmp_path):
    words = ["encoder=mpnet", "model=minilm_mlm", f"models.dir={tmp_path}", "data.train_limit=2000"]
    tried, meant = grid_of(Options(scale="small", overrides=tuple(words)))
    lopa, pt = tried.contenders(("lopa", "pt"))
    jobs = missing(tmp_path / "none", tried, [lopa, pt], meant)
    assert len(jobs) == 2 * len(RATES)
    assert {word for word in jobs[0].overrides if "results_dir" not in word} == {
        "scale=small", "task=sst2", "method=lopa", "train.lr=0.0003", "method.freeze_encoder=true", "seed=0", *words}  # fmt: skip
    assert "encoder=mpnet" not in jobs[-1].overrides
    assert not {"train.epochs", "method.init_std"} & {word.partition("=")[0] for job in jobs for word in job.overrides}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.lr=1e-3"], "train.lr=1e-3: the grid says which train.lr its runs have; leave it out"),
        (["recipe=official"], "recipe=official: the grid says which recipe"),
        (["data.train=mine.csv"], "data.train=mine.csv: the grid finds results by settings"),
        (["task=sst3"], "nearest: task=sst2"),
        (["scale=paper"], "scale=paper"),
    ],
)
def test_what_the_grid_cannot_be_told_is_one_line(tmp_path, capsys, words, said):
    assert main(["grid", "method=pt", f"results_dir={tmp_path / 'none'}", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_grid_of_any_task_runs_until_the_score_turns(tmp_path, capsys):
    words = [
        "grid",
        "task=mrpc",
        "method=fft",
        "data.limit=64",
        "train.epochs=1",
        "workers=1",
        f"results_dir={tmp_path}",
    ]
    assert main(words) == 0
    runs = read_runs(tmp_path, "mini").frame
    assert set(runs["task"]) == {"mrpc"}
    assert len(runs) > len(RATES)
    shown = capsys.readouterr().out
    assert "validation score, mrpc" in shown
    assert main([*words, "--dry-run"]) == 0
    assert "missing" not in capsys.readouterr().out
