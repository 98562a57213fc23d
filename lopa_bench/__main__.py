"""``python -m lopa_bench``, the same as ``lopa-bench``."""

import sys

from lopa_bench.cli import main

sys.exit(main())
