"""As many seeds as the claims need."""

from lopa_bench.study.plan import cell, planned_runs
from lopa_bench.study.spec import Row
from lopa_bench.study.tables import row_and_column, tables


def seeds(row, task, scale="mini", fast=False):
    return len(cell(*row_and_column(row, task, scale), scale, fast).seeds)


def test_what_a_claim_compares_has_ten_and_all_else_five():
    assert seeds(Row("LOPA", "lopa"), "rte") == 10
    assert seeds(Row("LOPA", "lopa"), "webnlg") == 10
    assert seeds(Row("LOPA m=5", "lopa", {"method.num_virtual_tokens": 5}), "rte") == 10  # C8
    assert seeds(Row("PT m=5", "pt", {"method.num_virtual_tokens": 5}), "rte") == 5
    assert seeds(Row("Adapters", "adapter"), "rte") == 5
    assert seeds(Row("None", "none"), "rte") == 1
    assert seeds(Row("LOPA", "lopa"), "rte", fast=True) == 1


def test_other_scales_take_the_tasks_own_number():
    assert {seeds(Row("LOPA", "lopa"), task, "paper") for task in ("rte", "qqp")} == {3}


def test_the_tables_hold_every_number_of_seeds():
    assert {len(run.seeds) for run in planned_runs(tables("mini"), "mini")} == {1, 5, 10}
