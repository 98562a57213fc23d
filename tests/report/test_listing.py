"""The list of runs: every one in it, with what it differs in, those of no table too."""

import pytest
from synthetic import write_run

from lopa_bench.errors import UserError
from lopa_bench.report.listing import list_runs, provenance
from lopa_bench.report.listing_text import terminal
from lopa_bench.results.read import read_runs


def listed(root):
    return list_runs(read_runs(root, "mini"), "mini")


def test_seeds_of_a_setting_are_one_line_with_mean_and_deviation(tmp_path):
    for seed, score in enumerate((80.0, 82.0, 87.0)):
        write_run(tmp_path, "rte", "lopa", seed, metrics={"glue": score})
    (run,) = listed(tmp_path)
    assert (run.task, run.method, run.differs, run.seeds) == ("rte", "lopa", (), (0, 1, 2))
    assert run.score == 83.0
    assert round(run.deviation, 6) == 3.605551
    assert (run.counted, run.trained, run.table) == (24_330, 24_330, True)


def test_what_differs_from_the_recipe_is_named(tmp_path):
    write_run(tmp_path, "rte", "lopa", settings={"train.lr": 0.5, "method.rank": 2})
    (run,) = listed(tmp_path)
    assert sorted(run.differs) == ["method.rank=2", "train.lr=0.5"]


def test_a_run_of_no_table_is_listed_and_says_so(tmp_path):
    write_run(tmp_path, "rte", "lopa", settings={"method.rank": 3})
    write_run(tmp_path, "rte", "lopa", settings={"method.rank": 2})
    assert {" ".join(run.differs): run.table for run in listed(tmp_path)} == {
        "method.rank=2": True,
        "method.rank=3": False,
    }


def test_provenance_names_the_most_frequent_first(tmp_path):
    made = {"device": "cpu", "versions": {"torch": "2.13.0"}, "finished": "2026-01-02T03:04:05+0000"}
    for seed, commit in enumerate(("a" * 40, "b" * 40, "b" * 40)):
        write_run(tmp_path, "rte", "lopa", seed, git={"commit": commit, "modified": False}, **made)
    facts = dict(provenance(read_runs(tmp_path, "mini")))
    assert facts == {
        "runs": "3",
        "made": "2026-01-02",
        "commit": f"{'b' * 12} (2 runs), {'a' * 12} (1 runs)",
        "versions": "torch 2.13.0",
        "device": "cpu",
    }


def test_a_trained_encoder_is_compared_with_its_own_recipe(tmp_path):
    write_run(tmp_path, "rte", "lopa", settings={"method.freeze_encoder": False})
    write_run(tmp_path, "rte", "lopa", seed=1, settings={"method.freeze_encoder": False, "train.lr": 0.5})
    assert [" ".join(run.differs) for run in listed(tmp_path)] == [
        "method.freeze_encoder=false",
        "train.lr=0.5 method.freeze_encoder=false",
    ]


def test_brackets_of_a_setting_are_text(tmp_path):
    """Not the markup of the library that prints the table, which would take them away or end the list."""
    write_run(tmp_path, "rte", "lopa", 0, settings={"task.template": "[INST] {sentence1} [/INST] <mask>"})
    write_run(tmp_path, "rte", "lopa", 0)
    shown = terminal(list_runs(read_runs(tmp_path, "mini"), "mini"))
    assert "[INST] {sentence1} [/INST] <mask>" in " ".join(shown.split())


def test_a_scales_own_folder_is_named_as_such(tmp_path):
    write_run(tmp_path, "rte", "lopa", 0)
    with pytest.raises(UserError, match="it is a scale's folder: give its parent"):
        read_runs(tmp_path / "mini", "mini")
