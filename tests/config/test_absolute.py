"""The paths of a sweep's jobs hold in whatever folder a launcher's process begins."""

from pathlib import Path

import pytest

from lopa_bench.config.absolute import absolute, absolute_values
from lopa_bench.config.compose import load_config


@pytest.fixture
def here(tmp_path, monkeypatch):
    for folder in ("model", "data", "it's a, folder", "backbone"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("word", "becomes"),
    [
        ("data.dir=data", "data.dir='{}/data'"),
        ("+data.dir='~/data'", "+data.dir='{}/data'"),
        ("models.dir='it\\'s a, folder'", "models.dir='{}/it\\'s a, folder'"),
        ("model.path=model", "model.path='{}/model'"),
        ("model.encoder=./model", "model.encoder='{}/model'"),
        ("init_from=runs/x", "init_from='{}/runs/x'"),
        ("data.train='rows.csv[:4]'", "data.train='{}/rows.csv[:4]'"),
        ("conf.path=own", "conf.path='{}/own'"),
        ("model.path=roberta-base", "model.path=roberta-base"),
        ("model.encoder=backbone", "model.encoder=backbone"),  # though there is a folder of that name
        ("model.path=mini:mlm", "model.path=mini:mlm"),
        ("data.dir=null", "data.dir=null"),
        ("data.dir=${results_dir}/x", "data.dir=${results_dir}/x"),
        ("model.path=a,b", "model.path=a,b"),
        ("seed=0", "seed=0"),
        ("task=rte", "task=rte"),
    ],
)
def test_paths_are_made_absolute_and_nothing_else(here, word, becomes):
    assert absolute([word, "results_dir=/r"], Path("x")) == [becomes.replace("{}", str(here)), "results_dir='/r'"]


def test_files_below_a_folder_stay_below_it(here):
    assert absolute(["data.dir=data", "data.test=b.csv", "results_dir=/r"], Path("x"))[1] == "data.test=b.csv"


def test_the_default_folder_of_results_too(here):
    given = absolute(["seed=1"], Path("runs"))
    assert load_config(given).results_dir == here / "runs"


def test_a_run_keeps_the_places_that_it_was_told(here):
    """With relative folders in it, a run asked from elsewhere took `model` for a model of the hub."""
    words = ["task=rte", "model=local", "model.path=model", "model.encoder=roberta-base", "results_dir=runs"]
    told = load_config([*words, "data.train='rows.csv[:4]'", "data.test='~/rows.csv[4:]'"]).resolved
    kept = absolute_values(told)
    assert kept["model"] == {**told["model"], "path": f"{here}/model"}
    assert kept["data"] == {**told["data"], "train": f"{here}/rows.csv[:4]", "test": f"{here}/rows.csv[4:]"}
    assert absolute_values(load_config([*words, "tracker=wandb"]).resolved)["tracker"]["dir"] == f"{here}/runs"
    assert kept["results_dir"] == f"{here}/runs"
    assert told["model"]["path"] == "model"
    below = absolute_values(load_config([*words, "data.dir=data", "data.train=rows.csv", "data.test=t.csv"]).resolved)
    assert (below["data"]["dir"], below["data"]["train"]) == (f"{here}/data", "rows.csv")
    embedded = load_config(["results_dir=/runs"]).resolved
    assert absolute_values(embedded) == embedded
