"""A setting that the run does not read is refused, unless it is the recipe's own."""

from dataclasses import replace

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.run.unread import check_read

READ = [
    "task=e2e scale=paper generation.decoding=greedy",  # its recipe is five beams
    "task=mbpp scale=paper generation.decoding=beam generation.max_new_tokens=64 generation.num_beams=3",
    "task=mbpp generation.decoding=sample generation.temperature=0.7 generation.top_p=0.9",
    "task=e2e method=lopa selection=last generation.select_rows=3",  # as many are answered with others' prompts
    "method=lopa method.freeze_encoder=false train.encoder_lr=1e-5",
    "method=lopa train.encoder_lr=null",
    "method=lopa train.evaluations=10",
    "selection=last train.evaluations=1",
    "method=lopa train.encoder_lr=3e-4",  # the recipe's, of runs that train the encoder
]


@pytest.mark.parametrize("words", READ)
def test_what_is_read_or_the_recipes_passes(words):
    check_read(load_config(words.split()))


def test_a_folder_of_rows_is_read_or_refused(tmp_path):
    """Never left for the embedded rows without a word."""
    assert load_config(["task=rte", f"data.dir={tmp_path}"]).data.source == "files"
    assert load_config(["task=rte", "scale=paper", f"data.dir={tmp_path}"]).data.source == "files"
    for source in ("mini", "hub"):
        with pytest.raises(UserError, match=f"data.dir=.*: data.source={source} reads no folder"):
            check_read(load_config(["task=rte", f"data.dir={tmp_path}", f"data.source={source}"]))


def test_a_method_of_ones_own_has_no_name_of_another(monkeypatch):
    config = load_config(["task=rte", "method=lopa"])
    check_read(config)
    for other in (
        replace(config, method=replace(config.method, name="pt")),
        replace(config, task=replace(config.task, name="e2e")),
    ):
        with pytest.raises(UserError, match=r"name=.*: that is the name of another"):
            check_read(other)


def test_a_revision_is_of_what_has_revisions(tmp_path):
    check_read(load_config(["scale=paper", "model.revision=abc"]))
    for words in (["model.revision=abc"], ["model=local", f"model.path={tmp_path}", "model.revision=abc"]):
        with pytest.raises(UserError, match=r"model.revision=abc: .* is a folder, which has no revisions"):
            check_read(load_config(words))


@pytest.mark.parametrize("words", ["generation.num_beams=3", "generation.temperature=0.5", "generation.top_p=0.5"])
def test_another_value_than_the_recipes_is_refused(words):
    with pytest.raises(UserError, match=words):
        check_read(load_config(["task=e2e", "scale=paper", "generation.decoding=greedy", words]))


def test_the_class_of_an_f1_that_is_not_asked_for_is_refused():
    words = ["task=rte", "task.f1_label=entailment"]
    check_read(load_config([*words, "task.scored_by=[accuracy,f1]"]))
    check_read(load_config(["task=mrpc", "task.scored_by=[accuracy]"]))  # the task's own
    with pytest.raises(UserError, match=r"task.f1_label=entailment: task.scored_by=accuracy is of no one class"):
        check_read(load_config([*words, "task.scored_by=[accuracy]"]))


def test_a_word_in_the_place_of_none_is_refused():
    check_read(load_config(["task=rte", "model=mini_clm"]))  # words of other tasks beside RTE's
    config = load_config(["task=rte"])

    def with_words(words):
        return replace(config, model=replace(config.model, label_words=words))

    check_read(with_words({" great": " fine", " Yes": " yes"}))
    with pytest.raises(
        UserError, match=r"model.label_words=.*: ' Yess' is no label word of task=rte or .*; nearest:  Yes"
    ):
        check_read(with_words({" Yess": " yes"}))


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("task=e2e method=p_tuning_v2 method.prefix_reads=shifted", "method.prefix_reads=shifted: only a masked LM's"),
        (
            "method=p_tuning_v2 method.prefix_reads=shifted readout=classifier",
            "method.prefix_reads=shifted: only a masked",
        ),
        (
            "method=lpt method.generator=none method.bottleneck=7",
            "method.bottleneck=7: method.generator=none has no network",
        ),
        (
            "method=lpt method.generator=none method.dropout=0.5",
            "method.dropout=0.5: method.generator=none has no network",
        ),
        (
            "method=p_tuning_v2 recipe=official train.eval_batch_size=1",
            "train.eval_batch_size=1: with method.prefix_reads",
        ),
    ],
)
def test_settings_of_a_method_that_nothing_reads_are_refused(words, key):
    with pytest.raises(UserError, match=key):
        check_read(load_config(["task=rte", *words.split()]))


@pytest.mark.parametrize(
    "words",
    [
        "method=p_tuning_v2 recipe=official",
        "method=p_tuning_v2 method.prefix_reads=shifted",
        "method=p_tuning_v2 train.eval_batch_size=1",
        "method=lpt method.generator=none",
        "method=lpt method.bottleneck=7",
    ],
)
def test_what_a_method_reads_passes(words):
    check_read(load_config(["task=rte", *words.split()]))
