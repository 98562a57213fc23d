"""``python -m lopa_bench``, the same as ``lopa-bench``."""

import sys

from lopa_bench.cli.main import main
from lopa_bench.host.heap import begin_without_small_caches


def program() -> int:
    """What a shell starts; returns the exit status."""
    begin_without_small_caches()
    return main()


if __name__ == "__main__":
    sys.exit(program())
