"""How many reported rows mini-mlm's own text tells, as docs/mini.md says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from lopa_bench.mini import records
from lopa_bench.mini.corpus import passages

WORDS = 4_000_000  # of the text that mini-mlm learnt (its card)
TEXTS = {
    "rte": ("sentence1", "sentence2"),
    "mnli": ("premise", "hypothesis"),
    "mrpc": ("#1 String", "#2 String"),
    "qqp": ("question1", "question2"),
    "qnli": ("question", "sentence"),
    "sst2": ("sentence",),
}
VERDICTS = {"great", "terrible"}  # a review is told with its answer where one of them stands beside it

pytestmark = pytest.mark.slow


def rows_told() -> Iterator[tuple[str, int]]:
    """Task and number of each test row whose texts all stand in one passage, once for each such passage."""
    begins: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    rows: dict[tuple[str, ...], list[tuple[str, int, list[tuple[str, ...]]]]] = {}
    for task, columns in TEXTS.items():
        for number, row in enumerate(records(task)["test"]):
            texts = [tuple(row[column].rstrip(" .?").split()) for column in columns]
            for text in texts:
                begins.setdefault(text[:3], set()).add(text)
            rows.setdefault(texts[0], []).append((task, number, texts))
    for passage in passages(WORDS):
        words = passage.split()
        found = {
            text
            for place in range(len(words))
            for text in begins.get(tuple(words[place : place + 3]), ())
            if tuple(words[place : place + len(text)]) == text
        }
        for first in found & set(rows):
            for task, number, texts in rows[first]:
                if found.issuperset(texts) and (task != "sst2" or VERDICTS & set(words)):
                    yield task, number


def test_rows_that_the_text_of_the_model_tells():
    told = set(rows_told())
    assert Counter(task for task, _ in told) == {"sst2": 201, "rte": 124, "mnli": 94, "qqp": 56, "qnli": 1}
