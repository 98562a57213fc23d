"""A run for every cell of the embedded scale's plan, written once for all tests that only read it."""

import pytest
from synthetic import write_whole_plan


@pytest.fixture(scope="session")
def whole_plan(tmp_path_factory):
    """The folder of results; a test that writes into it takes a copy."""
    folder = tmp_path_factory.mktemp("plan")
    write_whole_plan(folder)
    return folder
