"""Ten thousand results are reported in under ten seconds."""

import time

import pytest
from synthetic import write_whole_plan

from lopa_bench.cli.report import main

RESULTS = 10_000


@pytest.mark.slow
def test_ten_thousand_results_in_ten_seconds(tmp_path, capsys):
    written, copies = 0, 0
    while written < RESULTS:
        written += write_whole_plan(tmp_path, seeds_from=100 * copies)
        copies += 1
    started = time.process_time()  # the work itself, however busy the machine
    assert main(["--results-dir", str(tmp_path)]) == 0
    seconds = time.process_time() - started
    assert "LOPA" in capsys.readouterr().out
    assert seconds < 10
