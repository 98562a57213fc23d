"""``python -m lopa_bench``, the same as ``lopa-bench``."""

import sys

from lopa_bench.cli.main import main

sys.exit(main())
