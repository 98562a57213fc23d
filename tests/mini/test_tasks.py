"""The six tasks: sizes, balance, held-out entities, one result in every process, what the surface gives."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from lopa_bench import mini
from lopa_bench.errors import UserError
from lopa_bench.mini import records, world
from lopa_bench.mini.__main__ import HEADER, line
from lopa_bench.mini.baseline import COLUMNS, counts

# Share of each label in the original validation sets, rounded.
BALANCE = {
    "rte": {"entailment": 0.5, "not_entailment": 0.5},
    "mnli": {"entailment": 1 / 3, "neutral": 1 / 3, "contradiction": 1 / 3},
    "sst2": {"1": 0.56, "0": 0.44},
    "mrpc": {"1": 0.68, "0": 0.32},
    "qqp": {"1": 0.37, "0": 0.63},
    "qnli": {"entailment": 0.5, "not_entailment": 0.5},
}
TASKS = tuple(BALANCE)
PAGE = Path(__file__).parents[2] / "docs/mini.md"


@pytest.mark.parametrize("task", TASKS)
def test_sizes_balance_and_speed(task) -> None:
    start = time.process_time()
    splits = records(task)
    assert time.process_time() - start < 2
    columns, label = COLUMNS[task]
    for split, least in {"train": 2000, "validation": 400, "test": 2000}.items():
        rows = splits[split]
        assert len(rows) >= least
        assert all({*columns, label} <= row.keys() for row in rows)
        shares = Counter(row[label] for row in rows)
        assert shares.keys() == BALANCE[task].keys()
        for name, share in BALANCE[task].items():
            assert shares[name] / len(rows) == pytest.approx(share, abs=0.005)
    texts = [tuple(row[column] for column in columns) for rows in splits.values() for row in rows]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("task", TASKS)
def test_the_second_test_split_is_like_the_first_and_shares_no_row_with_it(task, monkeypatch) -> None:
    assert mini.FRESH[task] == 8000
    monkeypatch.setitem(mini.FRESH, task, 1000)  # in a fraction of the time
    columns, label = COLUMNS[task]
    usual, fresh = records(task), records(task, fresh=True)
    assert {split: usual[split] == fresh[split] for split in usual} == {
        "train": True,
        "validation": True,
        "test": False,
    }
    assert len(fresh["test"]) == 1000
    texts = [tuple(row[column] for column in columns) for row in fresh["test"]]
    assert len(set(texts)) == len(texts)
    assert not {tuple(row[column] for column in columns) for rows in usual.values() for row in rows} & set(texts)
    for name, share in BALANCE[task].items():
        assert sum(row[label] == name for row in fresh["test"]) / 1000 == pytest.approx(share, abs=0.005)
    words = {w for row in fresh["test"] for column in columns for w in row[column].split()}
    for split in ("train", "validation"):
        who = world.entities(split)
        assert not {*who.names, *who.kinds, *who.towns} & words


@pytest.mark.parametrize("task", TASKS)
def test_held_out_entities_are_not_in_train(task) -> None:
    columns, _ = COLUMNS[task]
    words = {
        split: {w for row in rows for column in columns for w in row[column].split()}
        for split, rows in records(task).items()
    }
    for split in ("validation", "test"):
        who = world.entities(split)
        own = {*who.names, *who.kinds, *who.towns, *who.positive, *who.negative}
        assert not own & words["train"]
        assert own & words[split]


@pytest.mark.parametrize("task", TASKS)
def test_the_page_has_the_line_that_is_printed(task) -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(f"{HEADER}\n")[2].split("```")[0].splitlines()
    told, printed = shown[TASKS.index(task)].split(), line(task).split()
    words = HEADER.split().index("words")
    assert float(told.pop(words)) == pytest.approx(float(printed.pop(words)), abs=0.2)  # sums round elsewhere otherwise
    assert told == printed


def test_counts_are_of_what_one_text_has_alone() -> None:
    assert counts(["Ann never met Ben in Aurland .", "who met Ben ?"]) == (2, 0, 5, 2, 1, 0)
    assert counts(["nobody found it good"]) == (0, 0, 4, 0, 1, 0)


def test_the_same_in_every_process() -> None:
    """Whatever the order of its sets: here, and where strings hash otherwise."""
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    program = "from lopa_bench.mini import *; print([records(t) for t in TASKS[:6]])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": other, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == f"{[records(task) for task in mini.TASKS[:6]]}\n"


def test_needs_no_torch() -> None:
    program = "import sys; from lopa_bench.mini import records\n"
    program += "records('rte'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_unknown_task() -> None:
    with pytest.raises(UserError, match="cola"):
        records("cola")
