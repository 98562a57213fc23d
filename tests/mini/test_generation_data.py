"""The generated code and data-to-text tasks: original formats, true outputs, disjoint splits."""

import ast
import json
import re
import subprocess
import sys
from itertools import islice

import pytest

from lopa_bench import mini
from lopa_bench.errors import UserError
from lopa_bench.mini import records
from lopa_bench.mini.clm_corpus import documents
from lopa_bench.mini.e2e import VALUES
from lopa_bench.mini.partition import split_of
from lopa_bench.mini.webnlg import SEEN, UNSEEN

TASKS = ("mbpp", "cruxeval_i", "cruxeval_o", "e2e", "webnlg")


@pytest.fixture(scope="module")
def data():
    return {task: records(task) for task in TASKS}


def run_in_plain_python(source: str) -> str:
    """What an isolated interpreter of its own prints; the test must not trust the generator's."""
    command = [sys.executable, "-I", "-"]  # a command line has no room for 500 programs
    finished = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_every_process_makes_the_same_rows():
    source = (
        "import sys, json; sys.path.insert(0, '.');"
        "from lopa_bench.mini import records;"
        f"print(json.dumps([records(task) for task in {TASKS!r}]), end='')"
    )
    assert json.loads(run_in_plain_python(source)) == [records(task) for task in TASKS]


@pytest.mark.parametrize("task", TASKS)
def test_sizes_suit_runs_on_two_cores(data, task):
    splits = data[task]
    assert list(splits) == ["train", "validation", "test"]
    texts = {split: len(rows) for split, rows in splits.items()}
    if task == "webnlg":
        texts = {split: sum(len(entry["lexicalisations"]) for entry in rows) for split, rows in splits.items()}
    assert 1000 <= texts["train"] <= 2000
    assert 150 <= texts["validation"] <= 250
    asked = {row["mr"] for row in splits["test"]} if task == "e2e" else splits["test"]
    assert len(asked) == 500  # enough to decide on; written once a run


def test_the_second_test_split_of_programs_is_like_the_first_and_shares_none_with_it(data, monkeypatch):
    assert mini.FRESH["cruxeval_o"] == 3000
    monkeypatch.setitem(mini.FRESH, "cruxeval_o", 200)  # in a fraction of the time
    usual, fresh = data["cruxeval_o"], records("cruxeval_o", fresh=True)
    assert (fresh["train"], fresh["validation"]) == (usual["train"], usual["validation"])
    codes = {row["code"] for row in fresh["test"]}
    assert len(codes) == len(fresh["test"]) == 200
    assert not {row["code"] for rows in usual.values() for row in rows} & codes
    assert len({row["id"] for rows in fresh.values() for row in rows}) == 1600 + 200 + 200
    checked = "".join(f"{row['code']}\nassert f({row['input']}) == {row['output']}\n" for row in fresh["test"])
    run_in_plain_python(checked)


def test_a_task_with_one_test_split_says_so():
    with pytest.raises(
        UserError,
        match=r"^data.source=mini_fresh: task=mbpp has one test split, data.source=mini; these have two: rte, ",
    ):
        records("mbpp", fresh=True)


def test_generating_imports_no_torch():
    source = (
        "import sys; sys.path.insert(0, '.');"
        "from lopa_bench.mini import records;"
        f"[records(task) for task in {TASKS!r}];"
        "print('torch' in sys.modules, end='')"
    )
    assert run_in_plain_python(source) == "False"


def test_cruxeval_outputs_are_what_python_returns(data):
    rows = data["cruxeval_o"]["test"]
    assert set(rows[0]) == {"code", "input", "output", "id"}
    program = "\n".join(f"{row['code']}\nassert f({row['input']}) == {row['output']}, {row['id']!r}" for row in rows)
    run_in_plain_python(program)
    assert all(repr(ast.literal_eval(row["output"])) == row["output"] for row in rows)


def test_cruxeval_ids_and_programs_are_unique(data):
    rows = [row for split in data["cruxeval_o"].values() for row in split]
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["code"] for row in rows}) == len(rows)


def test_no_constant_output_wins_cruxeval(data):
    outputs = [row["output"] for row in data["cruxeval_o"]["test"]]
    assert max(map(outputs.count, outputs)) < 0.15 * len(outputs)


def test_mbpp_canonical_solutions_pass_their_asserts(data):
    rows = data["mbpp"]["test"]
    assert set(rows[0]) == {
        "task_id",
        "language",
        "prompt",
        "description",
        "test",
        "entry_point",
        "canonical_solution",
    }
    run_in_plain_python(
        "\n".join(
            f"{row['prompt']}{row['canonical_solution']}\n{row['test']}check({row['entry_point']})" for row in rows
        )
    )


def test_mbpp_examples_in_the_docstring_are_the_asserts(data):
    for row in data["mbpp"]["test"]:
        shown = re.findall(r">>> \w+\((.*)\)\n    (.*)\n", row["prompt"])
        asserted = re.findall(r"assert candidate\((.*)\) == (.*)\n", row["test"])
        assert shown == asserted
        assert len(shown) == 3
        assert row["description"] in row["prompt"]


def test_mbpp_problems_of_test_are_new(data):
    bodies = {
        split: {re.sub(r"\d|'.'", "_", row["entry_point"]) for row in rows} for split, rows in data["mbpp"].items()
    }
    new = bodies["test"] - bodies["train"]
    assert len(new) > 0.9 * len(bodies["test"])  # a name may stand for a list's and a text's chain


def restaurants(rows):
    return {row["mr"] for row in rows}


def attribute(mr: str, name: str) -> str:
    return re.search(rf"(?:^|, ){name}\[([^\]]*)\]", mr)[1]


def test_e2e_meanings_use_the_eight_attributes(data):
    allowed = {"name", "near", *VALUES}
    for row in data["e2e"]["test"]:
        assert set(row) == {"mr", "ref"}
        assert set(re.findall(r"([\w ]+)\[", row["mr"].replace(", ", ","))) <= allowed
        assert attribute(row["mr"], "name") in row["ref"]


def test_e2e_names_and_attribute_sets_of_test_are_new(data):
    train, test = (restaurants(data["e2e"][split]) for split in ("train", "test"))
    for part in (lambda mr: attribute(mr, "name"), lambda mr: mr.split(", ", 1)[1]):
        assert not set(map(part, train)) & set(map(part, test))


def test_e2e_has_several_references(data):
    rows = data["e2e"]["test"]
    assert len(rows) >= 4 * len(restaurants(rows))
    assert len({(row["mr"], row["ref"]) for row in rows}) == len(rows)


def test_webnlg_entries_have_the_layout_of_2017(data):
    for entry in data["webnlg"]["test"]:
        assert {"category", "modifiedtripleset", "lexicalisations", "size", "xml_id"} <= set(entry)
        assert all(set(t) == {"subject", "property", "object"} for t in entry["modifiedtripleset"])
        assert int(entry["size"]) == len(entry["modifiedtripleset"])
        for text in entry["lexicalisations"]:
            assert text["comment"] == "good"
            for triple in entry["modifiedtripleset"]:
                assert triple["object"].replace("_", " ") in text["lex"]


def test_webnlg_tests_seen_and_unseen_categories(data):
    categories = {split: {entry["category"] for entry in rows} for split, rows in data["webnlg"].items()}
    assert categories["train"] == categories["validation"] == set(SEEN)
    assert categories["test"] == set(SEEN) | set(UNSEEN)


def test_webnlg_subjects_of_test_are_new(data):
    subjects = {
        split: {entry["modifiedtripleset"][0]["subject"] for entry in rows} for split, rows in data["webnlg"].items()
    }
    assert not subjects["train"] & subjects["test"]
    assert not subjects["train"] & subjects["validation"]


def test_the_corpus_holds_no_task_and_nothing_of_the_test_sets(data):
    corpus = "\n".join(islice(documents(seed=0), 3000))
    for prompt in (
        r"\[/PYTHON\]\n\[ANSWER\]",
        r"Write a function to (?!find an answer)",
        r"name : [^\n]* \| ",
        r"[A-Za-z]_[A-Za-z]+ : [^\n]* : [^\n]* \| ",
    ):
        assert not re.search(prompt, corpus)
    for row in data["cruxeval_o"]["test"]:
        assert f"{row['code']}\n" not in corpus
    for row in data["e2e"]["test"]:
        assert attribute(row["mr"], "name") not in corpus
    for row in data["mbpp"]["test"]:
        for above in ("):", '"""'):
            assert f"{above}\n{row['canonical_solution']}\n" not in corpus


def test_a_combination_belongs_to_one_split_whatever_was_asked_before():
    splits = [split_of(f"combination {number}") for number in range(2000)]
    assert splits == [split_of(f"combination {number}") for number in range(2000)]
    assert 0.07 < splits.count("test") / 2000 < 0.13
    assert 0.07 < splits.count("validation") / 2000 < 0.13
