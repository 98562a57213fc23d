"""What planned runs take: the shipped file has every run of the tables, and its numbers are those that are computed."""

import subprocess
import sys

import pytest
from huggingface_hub import constants

from lopa_bench.config.compose import load_config
from lopa_bench.study.costs import cost, estimated, key, shipped
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.tables import tables

SCALES = ("mini", "paper")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """A model that this machine has keeps its own config.json, which may say more than the shipped one."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def configs(scale, *names):
    return [load_config(run.argv()[0]) for run in planned_runs(tables(scale, names), scale)]


def told(config):
    return " ".join((config.scale, config.task.name, config.model.name, config.method.name))


@pytest.mark.parametrize("scale", ["mini", pytest.param("paper", marks=pytest.mark.slow)])
def test_every_run_of_the_tables_is_there(scale):
    assert [told(config) for config in configs(scale) if key(config) not in shipped()] == []


def test_the_numbers_are_those_that_are_computed():
    """Of one run of each of these kinds; of all of them below."""
    kinds = ("fft", "lora", "pt", "lopa", "prefix_tuning", "lpt_pool")
    one = {config.method.name: config for config in configs("mini") if config.method.name in kinds}
    one |= {config.scale: config for config in configs("paper", "glue")}
    assert len(one) == len(kinds) + 1
    assert {told(config) for config in one.values() if shipped()[key(config)] != estimated(config)} == set()


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_all_numbers_are_those_that_are_computed(scale):
    assert [told(config) for config in configs(scale) if shipped()[key(config)] != estimated(config)] == []


def test_other_runs_are_computed():
    """Half a batch keeps half the activations; the task's rows and the epochs are FLOPs."""
    base = ["scale=paper", "task=rte", "method=lopa", "selection=last", "model.precision=bf16"]
    full, half, twice = (load_config([*base, *more]) for more in ([], ["train.batch_size=8"], ["train.epochs=40"]))
    assert not {key(config) for config in (full, half, twice)} & set(shipped())
    assert cost(half).memory.activations == pytest.approx(cost(full).memory.activations / 2, rel=0.01)
    assert cost(twice).reading == pytest.approx(2 * cost(full).reading, rel=0.02)


def test_each_setting_that_a_cost_follows_from_has_a_line_of_its_own():
    plain = ["scale=paper", "task=rte", "method=lopa"]
    others = [
        "readout=classifier",
        "method.rank=8",
        "train.epochs=3",
        "data.limit=10",
        "train.max_length=64",
        "method.freeze_encoder=false",
    ]
    keys = [key(load_config([*plain, *more])) for more in ([], *([one] for one in others))]
    assert len(set(keys)) == len(keys)
    assert key(load_config([*plain, "seed=3"])) == keys[0]


def test_a_plan_builds_no_model(tmp_path):
    code = (
        "import sys; from lopa_bench.cli.plan import main\n"
        f"main(['table=glue', 'scale=paper', 'results_dir={tmp_path / 'none'}'])\n"
        "print(*sorted({'transformers', 'lopa_bench.models.backbone'} & set(sys.modules)), 'imported')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "imported"
    assert "96 runs planned, 96 missing: about" in done.stdout
