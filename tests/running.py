"""What tests of whole runs share."""

import re
import socket


def measured(result):
    """What must be the same for the same run."""
    varying = {"seconds", "examples_per_second", "peak_memory_mib", "git", "finished"}
    return result.model_dump(exclude=varying)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def complaints(error):
    """The lines of standard error beside those in which a run says how far it is."""
    return [line for line in error.splitlines() if not re.match(r"[\w-]+/[\w-]+: ", line)]
