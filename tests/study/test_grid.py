"""The same budget for all, an edge that is followed until it turns, and a choice on validation scores alone."""

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lopa_bench.cli.grid import Options, grid_of
from lopa_bench.cli.main import main
from lopa_bench.cli.run import _direction
from lopa_bench.config.compose import load_config
from lopa_bench.config.files import choices
from lopa_bench.errors import UserError
from lopa_bench.metrics.classification import METRICS
from lopa_bench.results.read import read_runs
from lopa_bench.run import identity
from lopa_bench.run.records import read_records
from lopa_bench.study import pool, progress
from lopa_bench.study.grid import FAILED, GRIDS, RATES, Point, choose, grid
from lopa_bench.study.jobs import Job

MINI = GRIDS["mini"]
TASKS, STARTS = MINI.tasks, MINI.starts
ROOT = Path(__file__).parents[2]
PT = replace(MINI.contenders(("pt",))[0], recipe=())  # the grid's rates alone
LOPA = MINI.contenders(("lopa",))[0]


def test_every_method_is_in_it_once_and_has_the_same_budget():
    every = MINI.contenders()
    assert {each.method for each in every} == set(choices("method")) - {"none", "encoder_probe"}
    assert len(set(every)) == len(every)
    assert (PT.frozen, LOPA.frozen, LOPA.starts) == (None, True, STARTS)
    assert all(len(MINI.points(each, {})) - len(RATES) * len(each.starts) in (0, 1) for each in every)


def test_the_recipes_own_setting_is_tried_and_followed():
    """A soft prompt's rate on E2E is a hundred times the grid's largest, and below a tenth of it nothing is learnt."""
    small = grid("small", ("e2e", "rte"))
    (pt,) = small.contenders(("pt",))
    own = Point(pt, load_config(["scale=small", "task=e2e", "method=pt"]).train.lr, whole=True)
    assert own.rate > 10 * RATES[-1]
    scores = {Point(pt, rate, whole=True): 10.0 for rate in RATES} | {own: 43.0}
    assert small.points(pt, {}) == list(scores)
    assert [small.points(pt, scores | {Point(pt, 3e-1, whole=True): 47.0})[-1].rate, choose(pt, scores).rung] == [
        1.0,
        3e-1,
    ]
    (lopa,) = grid("mini", told=("method.freeze_encoder=false",)).contenders(("lopa",))
    assert lopa.recipe == ((3e-4, 0.1),)
    between = replace(PT, recipe=((5e-4, None),))
    scores = {Point(between, rate): 0.0 for rate in RATES} | {Point(between, 5e-4): 1.0}
    assert choose(between, scores).rung is None


def test_the_published_choices_are_the_recipes_and_ask_for_no_further_run():
    """Of `results/mini-grid`, whose values `conf/scale/mini.yaml` has."""
    with (ROOT / "results/mini-grid/scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for each in MINI.contenders(sorted({row["method"] for row in rows})):
        encoder = {None: "", True: "frozen", False: "trained"}[each.frozen]
        scores = {}
        for row in rows:
            if (row["method"], row["encoder"]) == (each.method, encoder):
                said = row["method.init_std"]
                start = said if said == "scaled" else float(said) if said else None
                point = Point(each, float(row["train.lr"]), start, row["epochs"] == "all")
                scores[point] = sum(float(row[task]) for task in TASKS) / len(TASKS)
        best = choose(each, scores).point
        assert ((best.rate, best.start),) == each.recipe, each.label
        assert set(MINI.points(each, scores)) <= set(scores), each.label


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
    assert "train.epochs=4" in MINI.words(Point(PT, 1e-2), "rte")
    assert not [word for word in MINI.words(second, "rte") if "epochs" in word]


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


def test_the_command_says_what_is_missing_and_names_a_method_it_does_not_have(tmp_path, capsys):
    assert main(["grid", "method=pt", "--dry-run", f"results_dir={tmp_path / 'none'}"]) == 0
    out = capsys.readouterr().out
    assert f"{(len(RATES) + 1) * len(TASKS)} runs missing" in out
    assert "no run on all tasks" in out
    assert main(["grid", "method=none", "--dry-run"]) == 2
    assert "method=none is not one of adapter" in capsys.readouterr().err


def test_a_trained_encoder_has_a_rate_of_its_own():
    frozen, trained = MINI.contenders(("lopa",))
    rates = [load_config(MINI.words(Point(each, 1e-3, 0.1), "rte")).train.encoder_lr for each in (frozen, trained)]
    assert rates == [3e-4, 3e-4]  # a frozen one takes no step


def test_a_flat_score_is_no_edge_and_a_failed_rate_ends_one():
    flat = {Point(PT, rate): 70.0 for rate in RATES}
    assert choose(PT, flat).rung is None
    rising = {Point(PT, rate): 70.0 + i for i, rate in enumerate(RATES)} | {Point(PT, 1e-2): FAILED}
    assert (choose(PT, rising).point.rate, choose(PT, rising).rung) == (3e-3, None)
    assert [point.whole for point in MINI.points(PT, rising)] == [False] * 3 + [True] * 3
    failed = {Point(PT, rate): FAILED for rate in RATES}
    assert choose(PT, failed) is None
    assert MINI.points(PT, failed) == list(failed)


def test_what_is_told_is_the_same_in_all_runs_and_not_varied():
    words = ("method.init_std=0.1", "method.freeze_encoder=False", "train.epochs=2", "encoder=backbone")
    told = grid("mini", ("qqp",), words)
    (lopa,), (fft,) = told.contenders(("lopa",)), told.contenders(("fft",))
    assert (lopa.frozen, lopa.starts, told.part, told.tasks) == (False, (None,), 1, ("qqp",))
    run = told.words(Point(lopa, 1e-3, whole=True), "qqp")
    assert run == ["scale=mini", "task=qqp", "method=lopa", "seed=0", "train.lr=0.001", *words]
    assert told.words(Point(fft, 1e-3, whole=True), "qqp")[5:] == ["train.epochs=2"]


def test_on_real_data_all_epochs_are_run_once_at_the_recipes_start():
    words = ("encoder=mpnet", "model=minilm_mlm", "data.train_limit=2000")
    tried = grid_of(Options(scale="small", overrides=words))
    lopa, lora = tried.contenders(("lopa", "lora"))
    assert [point.whole for point in tried.points(lopa, {})] == [True] * len(RATES)  # the recipe's is among them
    own = {"scale=small", "task=sst2", "method=lopa", "train.lr=0.0003", "method.freeze_encoder=true", "seed=0"}
    assert set(tried.words(Point(lopa, 3e-4, whole=True), "sst2")) == own | set(words)
    assert "encoder=mpnet" not in tried.words(Point(lora, 3e-4, whole=True), "sst2")
    rising = {Point(lora, rate, whole=True): float(i) for i, rate in enumerate(RATES)}
    further = Point(lora, 1e-2, whole=True)
    assert tried.points(lora, rising)[-1] == further
    assert further not in tried.points(lora, rising | {further: 0.0})


def test_a_part_of_few_epochs_is_one():
    assert "train.epochs=1" in MINI.words(Point(PT, 1e-3), "cruxeval_o")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.lr=1e-3"], "train.lr=1e-3: the grid says which train.lr its runs have; leave it out"),
        (["recipe=official"], "recipe=official: the grid says which recipe"),
        (["selection=last"], "selection=last: the grid says which selection"),
        (["force=true"], "force=true: the grid says which force"),
        (["instance_rows=7"], "instance_rows=7: the grid says which instance_rows"),
        (["++seed=3"], "++seed=3: the grid says which seed"),
        (["task=sst3"], "nearest: task=sst2"),
        (["scale=paper"], "scale=paper"),
        (["method.rank=1"], "method.rank=1: no method of the grid has method.rank"),
        (["train.epochs=many"], "train.epochs=many"),
        (["train.warmup=0.1", "train.warmup=0.2"], "train.warmup=0.2 is the second train.warmup; give one"),
        (["model=local", "model.path=/nowhere/mini"], "model.path=/nowhere/mini"),
        (["data.train=mine.csv", "data.test=mine.csv"], "mine.csv"),
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_what_the_grid_cannot_be_told_is_one_line(tmp_path, capsys, words, said, dry):
    assert main(["grid", "method=pt", f"results_dir={tmp_path / 'none'}", *words, *dry]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir())


@pytest.fixture
def untrained(monkeypatch):
    """Runs that take no time: their score is a function of the rate, and they are found where the real ones would lie."""
    made, rounds = {}, []

    def place(config):
        return identity.directory(config, read_records(config)).path

    def run_all(jobs, *_):
        rounds.append([job.overrides for job in jobs])
        configs = [load_config(job.overrides) for job in jobs]
        for config in configs:
            if config.train.lr < 2e-2:  # beyond it they diverge
                made[place(config)] = SimpleNamespace(selection_score=1e3 * config.train.lr)
        return [Job((), diverged=config.train.lr >= 2e-2) for config in configs]

    monkeypatch.setattr(pool, "run_all", run_all)
    monkeypatch.setattr(progress, "finished", lambda config: made.get(place(config)))
    return rounds


@pytest.mark.parametrize(
    "told",
    [
        ["method=pt", "train.warmup=6e-2"],
        ["method=lopa", "method.freeze_encoder=True", "method.pooling='mean'", "method.init_std=5e-2"],
        ["method=lora", "data.train_limit=99", "task.template='{sentence1} {sentence2} <mask>'"],
        ["method=fft,fft", "train.epochs=2"],
    ],
)
def test_each_run_is_made_once_and_found_however_a_value_is_spelled(untrained, tmp_path, capsys, told):
    assert main(["grid", "task=rte,rte", *told, f"results_dir={tmp_path / 'none'}"]) == 1  # a rate failed
    jobs = [tuple(words) for round in untrained for words in round]
    assert len(jobs) == len(set(jobs))
    shown = capsys.readouterr().out
    assert "0.01 " in shown
    assert "edge" not in shown
    assert "no run" not in shown


def test_another_setting_is_another_run(untrained, tmp_path, capsys):
    words = ["grid", "task=rte", "method=pt", "train.epochs=1", f"results_dir={tmp_path / 'none'}"]
    main(words)
    count = len(untrained)
    for more in ("task.template='{sentence1} {sentence2} <mask>'", "precision=bf16", "data.limit=64"):
        assert main([*words, more, "--dry-run"]) == 0
        assert "4 runs missing" in capsys.readouterr().out
    assert len(untrained) == count


def test_a_method_whose_runs_the_machine_could_not_do_gets_no_choice(untrained, monkeypatch, tmp_path, capsys):
    """Out of memory at one rate says nothing of that rate; the other methods go on."""
    whole = pool.run_all

    def run_all(jobs, *place):
        done = whole([job for job in jobs if "method=pt" not in job.overrides], *place)
        return [Job(()) if "method=pt" in job.overrides else done.pop(0) for job in jobs]

    monkeypatch.setattr(pool, "run_all", run_all)
    words = ["grid", "task=rte", "method=pt,lora", f"results_dir={tmp_path / 'none'}"]
    assert main(words) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "runs failed, not for their setting; the same command goes on" in lines["pt"]
    assert " 0.01 " in lines["lora"]
    assert "1 diverged" in lines["lora"]


def test_processes_are_one_a_gpu(untrained, monkeypatch, tmp_path):
    """More of them would share its memory, and the settings that do not fit would count as bad ones."""
    counts, whole = [], pool.run_all
    monkeypatch.setattr(pool, "run_all", lambda jobs, place, count: counts.append(count) or whole(jobs))
    monkeypatch.setattr(pool, "visible", lambda: ["0"])
    main(["grid", "task=rte", "method=pt", f"results_dir={tmp_path / 'none'}"])
    assert set(counts) == {1}


def test_scores_are_the_means_of_validation_scores(untrained, tmp_path, capsys):
    table = tmp_path / "scores.csv"
    assert main(["grid", "method=lora", f"results_dir={tmp_path / 'none'}", f"output={table}"]) == 1
    head, *lines = table.read_text().splitlines()
    assert head == "method,encoder,train.lr,method.init_std,epochs,rte,sst2"
    assert "lora,,0.001,,2,1.0,1.0" in lines
    assert "lora,,0.01,,6,10.0,10.0" in lines
    assert "lora,,0.03,,2,-inf,-inf" in lines


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
    assert len(runs) >= len(RATES)
    shown = capsys.readouterr().out
    assert "validation score, mrpc" in shown
    assert main([*words, "--dry-run"]) == 0
    assert "missing" not in capsys.readouterr().out


def test_a_task_whose_least_score_is_best_is_refused_by_the_grid_and_minimised_by_a_search(monkeypatch):
    config = load_config(["task=rte", "method=pt"])
    search = ["-m", "hydra/sweeper=optuna", "train.lr=interval(0,1)"]
    assert _direction(search, config) == ["hydra.sweeper.direction=maximize"]
    assert _direction([*search, "hydra.sweeper.direction=maximize"], config) == []
    with pytest.raises(UserError, match="direction=minimize: of glue that finds the worst"):
        _direction([*search, "hydra.sweeper.direction=minimize"], config)
    assert _direction(["-m", "train.lr=1,2"], config) == []
    error = replace(METRICS["glue"]((), None), higher_is_better=False)
    monkeypatch.setattr(type(config.task), "metrics", {"glue": error})
    assert _direction(search, config) == ["hydra.sweeper.direction=minimize"]
    with pytest.raises(UserError, match="task=rte: the grid takes the highest score, and of glue the least is best"):
        grid_of(Options(task=("rte",)))
