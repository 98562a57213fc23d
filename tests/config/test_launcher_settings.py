"""Settings of Hydra's launchers and sweepers with which they would fail once the jobs are there, asked before."""

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lopa_bench.config.launchers import check_launcher
from lopa_bench.errors import UserError


def check(word):
    check_launcher(OverridesParser.create().parse_overrides([word])[0])


@pytest.mark.parametrize(
    ("word", "offers"),
    [
        ("hydra.launcher.tasks_per_node=0", "nearest: hydra.launcher.tasks_per_node=1"),
        ("hydra.launcher.cpus_per_task=0", "nearest: hydra.launcher.cpus_per_task=1"),
        ("hydra.launcher.gpus_per_node=-1", "nearest: hydra.launcher.gpus_per_node=0"),
        ("hydra.launcher.nodes=1.5", "nearest: hydra.launcher.nodes=1"),
        ("hydra.launcher.timeout_min=abc", "nearest: hydra.launcher.timeout_min=1"),
        ("hydra.launcher.timeout_min=null", "nearest: hydra.launcher.timeout_min=1"),
        ("hydra.launcher.timeout_min=true", "nearest: hydra.launcher.timeout_min=1"),
        ("hydra.launcher.mem_gb=99999999999", "nearest: hydra.launcher.mem_gb=2147483647"),
        ("hydra.launcher.timeout=-1", "nearest: hydra.launcher.timeout=null"),
        ("hydra.launcher.batch_size=x", "nearest: hydra.launcher.batch_size=1"),
        ("hydra.launcher.max_nbytes=10X", "nearest: hydra.launcher.max_nbytes=1M"),
        ("hydra.launcher.pre_dispatch=many", "nearest: hydra.launcher.pre_dispatch=2*n_jobs"),
        ("hydra.launcher.max_nbytes='null'", "nearest: hydra.launcher.max_nbytes=1M"),
        ("hydra.launcher.pre_dispatch=99999999999999999999", "nearest: hydra.launcher.pre_dispatch=2*n_jobs"),
        ("hydra.launcher.pre_dispatch=null", "nearest: hydra.launcher.pre_dispatch=2*n_jobs"),
        ("hydra.launcher.pre_dispatch=0", "nearest: hydra.launcher.pre_dispatch=2*n_jobs"),
        ("+hydra.launcher.foo=1", "nearest: hydra.launcher.foo=1"),
        ("++hydra.sweeper.foo=1", "nearest: hydra.sweeper.foo=1"),
        ("hydra.launcher.n_jobs=abc", "-1 is one for each core"),
        ("hydra.launcher.n_jobs=null", "-1 is one for each core"),
        ("hydra.launcher=5", "hydra/launcher=…"),
        ("hydra=5", "hydra/launcher=…"),
        ("~hydra/launcher", "nearest: hydra/launcher=basic"),
        ("~hydra.launcher.n_jobs", "leave it as it is"),
        ("hydra.sweeper.params={seed:'0,1',train.lr:'1'}", "nearest: seed=0,1 train.lr=1"),
        ("+hydra.sweeper.params.seed=0,1", "nearest: seed=0,1"),
        ("+hydra.sweeper.params.seed='0,1'", "nearest: seed=0,1"),
        ("hydra.sweeper.params=x", "nearest: seed=0,1"),
    ],
)
def test_a_setting_that_cannot_work_is_told(word, offers):
    with pytest.raises(UserError) as told:
        check(word)
    assert str(told.value).startswith(f"{word}: ")
    assert offers in str(told.value)


@pytest.mark.parametrize(
    "word",
    [
        "tasks_per_node=2",
        "cpus_per_task=null",
        "gpus_per_node=0",
        "timeout_min=60",
        "timeout=0.5",
        "n_jobs=-2",
        "batch_size=auto",
        "require=null",
        "backend=loky",
        "require=NULL",
        "mmap_mode=r+",
        "max_nbytes=null",
        "max_nbytes=100M",
        "pre_dispatch=all",
        "max_nbytes=1.5M",
        "max_nbytes=NULL",
        "pre_dispatch='3*n_jobs'",
        "pre_dispatch='1.5 * n_jobs'",
        "pre_dispatch=n_jobs",
        "pre_dispatch=4",
        "additional_parameters.x=1",
    ],
)
def test_a_setting_that_works_is_taken(word):
    check(f"hydra.launcher.{word}")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("prefer=threads", "is not one of processes"),
        ("backend=threading", "is not one of null, loky"),
        ("require='null'", "is not one of null"),
        ("backend=lok", "is not one of null, loky; nearest: hydra.launcher.backend=loky"),
        ("mmap_mode=rw", "is not one of r, r+, w+, c; nearest: hydra.launcher.mmap_mode=r"),
    ],
)
def test_a_word_that_a_launcher_does_not_take_is_told(word, says):
    """joblib's plugin runs processes whatever it is told: in threads runs would draw from each other's generator."""
    with pytest.raises(UserError, match=f"^hydra.launcher.{re.escape(f'{word} {says}')}"):
        check(f"hydra.launcher.{word}")
