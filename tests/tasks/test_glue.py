"""The paper's templates, label words and metrics, on rows of the real files where they are."""

from dataclasses import replace

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.metrics.classification import classification_scores
from lopa_bench.tasks.rows import load_records

TASKS = ["sst2", "mnli", "mrpc", "qnli", "qqp", "rte"]

CLOZES = {
    "rte": ({"sentence1": "A.", "sentence2": "B.", "label": "entailment"}, "A. ? <mask> , B.", " Yes"),
    "mrpc": ({"sentence1": "A", "sentence2": "B", "label": "not_equivalent"}, "A ? <mask> , B", " No"),
    "qnli": ({"question": "Q?", "sentence": "S", "label": "not_entailment"}, "Q? ? <mask> , S", " No"),
    "mnli": ({"premise": "P", "hypothesis": "H", "label": "neutral"}, "P ? <mask> , H", " Maybe"),
    "qqp": ({"question1": "A?", "question2": "B?", "label": "1"}, "A? <mask> , B?", " Yes"),
    "sst2": ({"sentence": "a {fine} film", "label": "positive"}, "a {fine} film . It was <mask> .", " great"),
}


def task(name):
    return load_config([f"task={name}", "model=roberta_large"]).task


@pytest.mark.parametrize("name", TASKS)
def test_cloze(name):
    record, text, word = CLOZES[name]
    (example,) = task(name).examples([record])
    assert (example.input, example.target) == (text, word)


def test_unknown_label_is_named():
    with pytest.raises(UserError, match="'perhaps', known are not_entailment, entailment"):
        task("rte").examples([{"sentence1": "A", "sentence2": "B", "label": "perhaps"}])


def test_scores():
    # 3 of 4 right; of label 1: 2 hits, 2 gold, 3 predicted -> F1 = 4/5
    scores = classification_scores(["1", "1", "0", "0"], ["1", "1", "1", "0"], f1_label="1")
    assert scores == {"accuracy": 75.0, "f1": pytest.approx(80.0), "glue": pytest.approx(77.5)}
    assert classification_scores(["1"], ["0"], f1_label="1")["f1"] == 0.0
    assert classification_scores(["1", "0"], ["1", "1"]) == {"accuracy": 50.0, "glue": 50.0}


def test_a_word_outside_the_label_words_is_wrong():
    rte = task("rte")
    examples = rte.examples([{"sentence1": "A", "sentence2": "B", "label": "entailment"}])
    assert rte.score(examples, [[" Maybe"]])["accuracy"] == 0.0


# Rows of the reported split and what train's majority class scores there; MRPC's 74.8 is the number that collapsed prompt tuning reports.
REAL = {
    "rte": (277, 52.71),
    "mrpc": (408, 74.80),
    "sst2": (872, 50.92),
    "qnli": (5463, 49.46),
    "mnli": (9815, None),
    "qqp": (1000, None),
}


@pytest.mark.parametrize("name", TASKS)
def test_real_files(name, shared_data):
    config = load_config(
        [f"task={name}", "model=roberta_large", "data.source=files", f"data.dir={shared_data / 'data'}"]
    )
    records = load_records(config.task, config.data, offline=True)
    rows, majority = REAL[name]
    assert len(records.test) == rows
    train, test = config.task.examples(records.train), config.task.examples(records.test)
    assert len(train) == len(records.train)
    if majority is not None:
        assert config.task.baseline(train, test)["glue"] == pytest.approx(majority, abs=0.01)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("task.template='{sentenceX} <mask>'", "there is no column 'sentenceX'"),
        ("task.template='{sentence1.foo} <mask>'", "there is no column 'sentence1.foo'"),
        ("task.template='{0} <mask>'", "there is no column '0'"),
        ("task.template='{} <mask>'", "a pair of braces names no column"),
        ("task.template='{sentence1 <mask>'", "a brace that is text is written twice"),
        ("task.causal_template='{sentence} It was'", "there is no column 'sentence'"),
        ("task.f1_label=foo", "task.f1_label=foo is no class; there are"),
        ("task.stop_words=['']", "task.stop_words"),
    ],
)
def test_what_a_task_cannot_mean_is_one_line_before_anything_is_read(word, says):
    with pytest.raises(UserError) as raised:
        load_config(["task=rte", word])
    assert says in str(raised.value)


@pytest.mark.parametrize("template", ["{sentence1} ? {sentence2}", "{sentence1} <mask> <mask>"])
def test_a_masked_models_text_has_one_mask(template):
    task = load_config(["task=rte", f"task.template='{template}'"]).task
    with pytest.raises(UserError, match=r"task.template=.* has one <mask>"):
        task.for_kind("masked")


def test_rows_that_make_a_score_say_nothing_are_remarked_on():
    mrpc = task("mrpc")

    def rows(*labels):
        return mrpc.examples([{"sentence1": "a", "sentence2": "b", "label": label} for label in labels])

    assert mrpc.remarks(rows("0", "1"), rows("0", "1")) == []
    assert mrpc.remarks(rows("0", "0"), rows("1")) == [
        "all 2 training rows are of the class 0: there is nothing to be told apart"
    ]
    (remark,) = mrpc.remarks(rows("0", "1"), rows("0"))
    assert remark.startswith("no test row is of the class 1, which F1 is of")
    assert replace(mrpc, scored_by=["accuracy"]).remarks(rows("0", "1"), rows("0")) == []
    assert load_config(["task=e2e"]).task.remarks([], []) == []
