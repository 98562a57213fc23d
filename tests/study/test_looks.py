"""As many seeds as the looks want, and what each look may spend of the level."""

from itertools import pairwise

import pytest

from lopa_bench.study.looks import EARLY, LOOKS, Look, look_at
from lopa_bench.study.plan import cell, planned_runs
from lopa_bench.study.settings import seeds_of_looks
from lopa_bench.study.spec import Row
from lopa_bench.study.tables import row_and_column, tables


def planned(row, task, scale="mini", fast=False):
    return cell(*row_and_column(row, task, scale), scale, fast)


def test_a_cell_has_the_seeds_of_the_first_look_whether_a_claim_compares_it_or_not():
    rows = (
        Row("LOPA", "lopa"),
        Row("LOPA m=5", "lopa", {"method.num_virtual_tokens": 5}),  # C8
        Row("PT m=5", "pt", {"method.num_virtual_tokens": 5}),
        Row("Adapters", "adapter"),
    )
    assert {len(planned(row, "rte").seeds) for row in rows} == {LOOKS["mini"][0]} == {5}
    assert len(planned(Row("None", "none"), "rte").seeds) == 1
    assert len(planned(Row("LOPA", "lopa"), "rte", fast=True).seeds) == 1


def test_other_scales_take_the_tasks_own_number_and_look_once():
    for task in ("rte", "qqp"):
        run = planned(Row("LOPA", "lopa"), task, "paper")
        assert (len(run.seeds), seeds_of_looks(run.overrides, "paper")) == (3, (3,))


def test_the_tables_hold_every_number_of_seeds():
    assert {len(run.seeds) for run in planned_runs(tables("mini"), "mini")} == {1, 5}


@pytest.mark.parametrize("counts", [*LOOKS.values(), (4,), (3, 6, 9, 12)])
def test_all_looks_together_spend_the_level_and_no_more(counts):
    each = [Look(counts, place) for place in range(len(counts))]
    assert sum(one.share for one in each) == pytest.approx(1.0)
    assert all(a.share < b.share and a.next == b for a, b in pairwise(each))
    assert each[-1].next is None
    assert {one.last for one in each} == {each[-1]}


def test_seeds_between_two_looks_wait_for_the_later_one():
    counts = (5, 10, 20)
    for there, seeds in ((0, 5), (4, 5), (5, 5), (9, 5), (10, 10), (19, 10), (20, 20), (25, 20)):
        found = look_at(counts, there)
        assert (found.seeds, found.complete) == (seeds, there >= 5)
        assert (found.share == EARLY) == (there < 5)
