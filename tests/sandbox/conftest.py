from __future__ import annotations

import os
from pathlib import Path

import pytest

from lopa_bench.sandbox import self_test


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the real data sets."""
    beside = Path(__file__).parents[2] / ".." / "shared"
    folder = Path(os.environ.get("LOPA_BENCH_SHARED", beside)) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set LOPA_BENCH_SHARED")
    return folder


@pytest.fixture(scope="session")
def levels() -> list[str]:
    """The levels that can be exercised on this machine; D contains nothing and runs no attack."""
    return {"A": ["A", "B", "C"], "D": []}.get(self_test().level, [self_test().level])
