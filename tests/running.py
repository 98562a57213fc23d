"""What tests of whole runs share."""

import re
import socket

import pytest

from lopa_bench.cli.main import main


def measured(result):
    """What must be the same for the same run."""
    varying = {"seconds", "examples_per_second", "peak_memory_mib", "git", "finished"}
    return result.model_dump(exclude=varying)


def needs(package, extra=None):
    """A package for one purpose, imported; the test is skipped without it, and says what installs it."""
    install = package if extra is None else f"'lopa-bench[{extra}]'"
    return pytest.importorskip(package, reason=f"{package} is not installed: pip install {install}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def complaints(error):
    """The lines of standard error beside those in which a run says how far it is."""
    return [line for line in error.splitlines() if not re.match(r"[\w-]+/[\w-]+: ", line)]


def refusal(words, capsys):
    """The line with which a command is refused: one, with status 2 and nothing on standard output."""
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("lopa-bench: error: ")
    assert error.count("\n") == 1
    return error
