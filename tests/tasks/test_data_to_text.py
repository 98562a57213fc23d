"""E2E and WebNLG in the form of LoRA's pipeline, references grouped by input."""

import hashlib
import re
from collections import Counter
from functools import cache

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.metrics import nlg
from lopa_bench.tasks.rows import load_records

pytestmark = pytest.mark.xdist_group("data to text")  # forty thousand rows, read once


@pytest.fixture(scope="module")
def real(shared_data):
    @cache
    def records(task):
        overrides = [f"task={task}", "method=none", "data.source=files", f"data.dir={shared_data / 'data'}"]
        config = load_config(overrides)
        return config.task, load_records(config.task, config.data, offline=True)

    return records


@pytest.mark.slow
def test_e2e_inputs_are_loras(real, shared_data):
    """LoRA's files are the challenge's rows in order: `table||tokenised text`."""
    task, records = real("e2e")
    for rows, name in ((records.train, "train"), (records.validation, "valid"), (records.test, "test")):
        lines = (shared_data / f"data/e2e/lora_format/{name}.txt").read_text(encoding="utf-8").splitlines()
        examples = task.examples(rows)
        assert len(examples) == len(lines)
        assert [e.input for e in examples] == [line.split("||")[0] + "<bos>" for line in lines]
    assert examples[0].target[0] == " "


def test_e2e_groups(real):
    task, records = real("e2e")
    assert len(task.examples(records.train)) == 42061
    examples = task.evaluation_examples(records.test)
    assert len(examples) == 630
    assert sum(len(e.record["references"]) for e in examples) == 4693
    assert len(task.evaluation_examples(records.validation)) == 547


@pytest.mark.parametrize(
    ("split", "rows", "digest"), [("train", 18025, "c9f3ada5afafbacd"), ("test", 4928, "d390cfcb25636eff")]
)
def test_webnlg_rows_are_loras(real, split, rows, digest):
    """The digest is over context and completion as microsoft/LoRA's format_converting_webnlg.py writes them."""
    task, records = real("webnlg")
    examples = task.examples(getattr(records, split))
    assert len(examples) == rows
    lines = [f"{e.input.removesuffix('<bos>')}\t{e.target[1:]}\n" for e in examples]
    assert hashlib.sha256("".join(lines).encode()).hexdigest()[:16] == digest


def test_webnlg_groups(real):
    task, records = real("webnlg")
    examples = task.evaluation_examples(records.test)
    seen = Counter(e.record["category"] in nlg.WEBNLG_SEEN for e in examples)
    assert seen == {True: 971, False: 891}
    assert sum(len(e.record["references"]) for e in examples) == 4928


def test_reference_text_scores_at_the_top(real, monkeypatch):
    monkeypatch.setattr(nlg, "missing", lambda: {"meteor": "left out: slow"})
    task, records = real("webnlg")
    examples = task.evaluation_examples(records.test[::40])
    scores = task.score(examples, [[e.record["references"][0]] for e in examples])
    assert scores["bleu_all"] == pytest.approx(100)
    assert scores["ter_seen"] == scores["ter_unseen"] == 0
    assert "meteor_all" not in scores
    task, records = real("e2e")
    examples = task.evaluation_examples(records.test[::40])
    predictions = [[e.record["references"][0]] for e in examples]
    assert task.score(examples, predictions)["bleu"] == pytest.approx(100)
    assert task.selection_score(examples, predictions) == {"bleu": pytest.approx(100)}


def test_an_answer_is_the_first_paragraph_on_one_line():
    task = load_config(["task=e2e", "method=none"]).task
    assert task.answer(" The Eagle is\na pub.\n\nIt is cheap.") == "The Eagle is a pub."
    assert not re.search(r"\s$", task.answer(" The Eagle. \n"))
