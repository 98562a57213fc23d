"""What tests of whole runs share."""

import re
import socket

import pytest


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
