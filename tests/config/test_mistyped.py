"""A value that a settings class does not take: the key and the value as they were given, and what to write in their place."""

import pytest
from running import refusal

WRONG = [
    ("model=local model.path=null", "model.path=null", "give model.path=…"),
    ("model.revision=0", "model.revision=0 is not text", """in quotes it is: model.revision="'0'\""""),
    ("method=pt method.init_text=true", "method.init_text=true is not text", """method.init_text="'true'\""""),
    ("model.revision=1e5", "is not text", """model.revision="'…'\""""),
    ("train.lr='1e-3'", "train.lr='1e-3' is text by its quotes", "nearest: train.lr=1e-3"),
    ("force='true'", "force='true' is text by its quotes", "nearest: force=true"),
    ("data.limit='null'", "data.limit='null' is text by its quotes", "nearest: data.limit=null"),
    ("train.lr='true'", "train.lr=true", "not a number"),
    ("seed={a:1}", "seed={a:1}", "whole number"),
    ("task.scored_by=accuracy", "task.scored_by=accuracy is not a list", "nearest: task.scored_by=[accuracy]"),
    ("method=lora model.lora_targets='[a]'", "model.lora_targets='[a]' is text", "nearest: model.lora_targets=[a]"),
    ("method=lora model.lora_targets=[1,a]", "model.lora_targets=[1,a]: 1 is not text", """in quotes it is: "'1'\""""),
    ("method=encoder_probe method.words=0", "method.words=0 is not a list", "give method.words=[…]"),
    ("task=e2e method=pt task.columns.mr=mr", "task.columns.mr=mr", "nearest: task.columns.mr=[mr]"),
    ("model.label_words=5", "model.label_words=5", "give model.label_words={NAME: VALUE}"),
    ("model.label_words={5:Yes}", "model.label_words={5:Yes}: 5 is not text", "'5'"),
    ("task=write task.input=a task.target=b task.hub=5", "task.hub=5", "give task.hub={NAME: VALUE}"),
    ("method.rank=ful", "method.rank=ful is not a whole number and not one of full", "nearest: method.rank=full"),
    ("method.init_std=x", "method.init_std=x is not a number and", "not one of scaled, xavier"),
    ("task=mbpp method=pt task.stop_words=[a,'']", "task.stop_words=[a,'']: there is an empty text", "leave it out"),
    ("results_dir=null", "results_dir=null", "leave it away, or give one"),
]


@pytest.mark.parametrize(("line", "names", "offers"), WRONG, ids=[wrong[0] for wrong in WRONG])
def test_the_value_and_the_way_out_are_told(line, names, offers, capsys):
    error = refusal(line.split(), capsys)
    assert names in error
    assert offers in error
