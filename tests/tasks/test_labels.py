"""Predictions for GLUE are matched by their index where they have one: order does not matter, repeats and gaps are refused."""

import json
import random

import pytest

from lopa_bench.cli.score import main
from lopa_bench.errors import UserError

GOLD = ["entailment", "not_entailment", "not_entailment", "entailment"] * 3
WRONG = GOLD[:-3] + ["entailment" if label == "not_entailment" else "not_entailment" for label in GOLD[-3:]]


def tsv(rows, name="label", index="index"):
    return f"{index}\t{name}\n" + "".join(f"{i}\t{label}\n" for i, label in rows)


def jsonl(rows):
    return "".join(json.dumps({"idx": i, "label": label}) + "\n" for i, label in rows)


@pytest.fixture
def score(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    references = "index\tsentence1\tsentence2\tlabel\n" + "".join(f"{i}\ta\tb\t{gold}\n" for i, gold in enumerate(GOLD))
    (tmp_path / "r.tsv").write_text(references)
    (tmp_path / "r.txt").write_text("".join(f"{gold}\n" for gold in GOLD))

    def run(name, content, references="r.tsv"):
        (tmp_path / name).write_text(content)
        assert main(["glue", "--task", "rte", "--predictions", name, "--references", references, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["accuracy"]

    return run


@pytest.mark.parametrize("references", ["r.tsv", "r.txt"])  # with an index of their own, and in the split's order
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_predictions_does_not_matter(score, seed, references):
    rows = list(enumerate(WRONG))
    random.Random(seed).shuffle(rows)
    assert score("p.tsv", tsv(rows), references) == pytest.approx(75)
    assert score("p.jsonl", jsonl(rows), references) == pytest.approx(75)
    assert score("p.tsv", tsv(rows, "prediction"), references) == pytest.approx(75)  # as it is submitted to GLUE


def test_predictions_without_an_index_are_in_order(score):
    assert score("p.txt", "".join(f"{label}\n" for label in WRONG)) == pytest.approx(75)
    assert score("p.tsv", "label\n" + "".join(f"{label}\n" for label in WRONG)) == pytest.approx(75)


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ([0] * 12, "1 of its rows stand there more than once, the first has index 0"),
        ([*range(11), 3], "first has index 3"),
        ([*range(11), 12], r"no prediction for 1 of the rows of r\.tsv, the first has index 11"),
        ([*range(1, 13)], "the first has index 0"),
        ([*range(11)], "11 prediction"),
    ],
)
def test_repeats_and_gaps_are_refused(score, index, says):
    with pytest.raises(UserError, match=says):
        score("p.tsv", tsv(zip(index, WRONG, strict=False)))


def test_a_broken_row_moves_no_other(score):
    with pytest.raises(UserError, match=r"p\.tsv:3: 1 columns, the header has 2"):
        score("p.tsv", tsv(enumerate(WRONG)).replace("1\tnot_entailment\n", "1\n", 1))
