"""Where runs go: a folder that git does not see, one for the command line and the configuration."""

import subprocess
from pathlib import Path

import pytest

from lopa_bench.cli import help
from lopa_bench.cli.options import RUNS, Choice, options_of
from lopa_bench.config.compose import load_config

ROOT = Path(__file__).parents[2]


def test_every_command_reads_where_runs_write():
    assert load_config([]).results_dir == RUNS
    for command in help.commands():
        declared = help.load(command).OPTIONS
        for kind in declared.options.values() if isinstance(declared, Choice) else [declared]:
            for option in options_of(kind):
                assert option.name != "results_dir" or option.default == RUNS, command


def test_a_clone_stays_clean():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    told = subprocess.run(
        ["git", "check-ignore", "runs/mini/x", "runs/.sweeps/y"], cwd=ROOT, capture_output=True, text=True
    )
    assert told.stdout.split() == ["runs/mini/x", "runs/.sweeps/y"]
