"""Planned runs as the commands that make them."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lopa_bench.study.commands import commands
from lopa_bench.study.planned import PlannedRun


@pytest.mark.parametrize(
    ("seeds", "typed"),
    [
        (range(3), "seed=0,1,2"),
        (range(10), "seed=0,1,2,3,4,5,6,7,8,9"),
        (range(100, 140), "'seed=range(100,140)'"),
        ([*range(5), *range(10, 20)], "seed=0,1,2,3,4,10,11,12,13,14,15,16,17,18,19"),
    ],
)
def test_seeds_are_typed_as_a_person_would(seeds, typed):
    (command,) = commands([PlannedRun({"task": "rte", "method": "pt"}, tuple(seeds))])
    assert command == f"lopa-bench -m task=rte method=pt {typed}"
    override = OverridesParser.create().parse_override(shlex.split(command)[-1])
    assert [*override.sweep_iterator()] == [*seeds]
