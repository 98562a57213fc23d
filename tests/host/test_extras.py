"""A package that only one purpose needs and that is not installed is one line, with the extra that brings it."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.host import extras
from lopa_bench.metrics import nlg


@pytest.fixture
def without(monkeypatch):
    """Hide packages, as from an installation without extras."""

    def hide(*packages):
        monkeypatch.setattr(extras, "find_spec", lambda name: None if name in packages else find_spec(name))

    return hide


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("matplotlib", ["report", "figures"]),
        ("matplotlib", ["report", "html"]),
        ("wandb", ["task=rte", "tracker=wandb"]),
        ("tensorboard", ["task=rte", "tracker=tensorboard"]),
        ("trackio", ["task=rte", "tracker=trackio"]),
        ("datasets", ["task=rte", "data.source=hub", "offline=false"]),
        ("pyarrow", ["runs", "format=parquet", "output=runs.parquet"]),
    ],
)
def test_a_missing_package_is_one_line(package, words, without, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs", metrics={"accuracy": 50.0, "glue": 50.0})
    without(package)
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"needs the package {package}: pip install 'lopa-bench[{extras.EXTRAS[package]}]'" in told


def test_scores_that_need_a_package_are_left_out_by_name(without):
    without("pycocoevalcap")
    assert set(nlg.missing()) == {"meteor", "rouge_l", "cider"}
    assert "lopa-bench[nlg]" in nlg.missing()["meteor"]


def test_every_extra_is_declared():
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(extras.EXTRAS.values()) <= set(pyproject["project"]["optional-dependencies"])
