"""Hydra's own flags that answer without running anything: what is wrong with their words is one line."""

import subprocess
import sys

import pytest
from running import refusal


@pytest.mark.parametrize(
    ("line", "names", "offers"),
    [
        ("--info foo", "info=foo is not one of", "all, config, defaults"),
        ("--info=confg", "info=confg", "nearest: info=config"),
        ("-i confg task=rte", "info=confg", "nearest: info=config"),
        ("--info task=rt", "task=rt", "nearest: task=rte"),
        ("--info -m", "-m: does not go with --info", "leave one of them out"),
        ("--info --hydra-help", "--hydra-help", "leave one of them out"),
        ("--hydra-help foo", "'foo'", "key=value"),
        ("-sc", "shell-completion: takes one of", "nearest: install=bash"),
        ("--shell-completion install=bash uninstall=zsh", "shell-completion: takes one of", "nearest: install=bash"),
        ("-sc install=bsh", "install=bsh is not one of bash, fish, zsh", "nearest: install=bash"),
        ("-sc query=bash", "query=bash", "nearest: install=bash"),
    ],
)
def test_what_is_wrong_is_one_line(line, names, offers, capsys, monkeypatch):
    monkeypatch.delenv("COMP_LINE", raising=False)
    error = refusal(line.split(), capsys)
    assert names in error
    assert offers in error


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--info", "Installed Hydra Plugins"),
        ("--info task=rte", "Installed Hydra Plugins"),
        ("--info=defaults", "Defaults List"),
        ("--hydra-help", "Hydra"),
        ("-sc install=bash", "complete"),
    ],
)
def test_they_answer(line, says):
    """In a process of their own: Hydra's log is the whole process's, and says more from then on."""
    done = subprocess.run(
        [sys.executable, "-m", "lopa_bench", *line.split()], capture_output=True, text=True, check=True
    )
    assert says in done.stdout
