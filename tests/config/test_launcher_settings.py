"""Settings of Hydra's launchers and sweepers with which they would fail once the jobs are there, asked before."""

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
        "additional_parameters.x=1",
    ],
)
def test_a_setting_that_works_is_taken(word):
    check(f"hydra.launcher.{word}")


def test_a_word_that_a_launcher_does_not_take_is_told():
    with pytest.raises(
        UserError, match=r"^hydra.launcher.prefer=thread is not one of .*; nearest: hydra.launcher.prefer=threads"
    ):
        check("hydra.launcher.prefer=thread")
