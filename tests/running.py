"""What tests of whole runs share."""

import socket


def measured(result):
    """What must be the same for the same run."""
    varying = {"seconds", "examples_per_second", "peak_memory_mib", "git"}
    return {k: v for k, v in result.items() if k not in varying}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
