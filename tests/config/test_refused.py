"""What Hydra and OmegaConf would answer in their own words, or with a traceback: one line with the key, the value and the way out."""

import pytest
from running import refusal

from lopa_bench.config.compose import load_config

REFUSED = [
    ("task.family=nlg", "task.family=nlg: a task's family is its file's own", "conf.path=DIR"),
    ("task.family=null", "task.family=null", "conf.path=DIR"),
    ("--cfg job task.family=5", "task.family=5", "conf.path=DIR"),
    ("task.label_words={a:Yes}", "task.label_words={a:Yes}", "task.label_words has not_entailment, entailment"),
    ("task.label_words={entailmnt:Yes}", "no key task.label_words.entailmnt", "nearest: task.label_words.entailment"),
    ("task.label_aliases={foo:bar}", "has no foo yet", "nearest: ++task.label_aliases={foo:bar}"),
    ("task=classify task.columns={a:[a]}", "task.columns has no a", "nearest: ++task.columns={a:[a]}"),
    ("task.label_aliases=[1,a]", "task.label_aliases=[1,a]", "give task.label_aliases={NAME: VALUE}"),
    ("--cfg job task.label_words={a:Yes}", "task.label_words={a:Yes}", "not_entailment, entailment"),
    ("~data.limit", "~data.limit", "give it a value: data.limit=…"),
    ("~train.lr=1", "~train.lr=1", "give it a value: train.lr=…"),
    ("~task.label_words", "~task.label_words", "leave it as it is"),
    ("~task.columns.label", "~task.columns.label", "leave it as it is"),
    ("+task=rte", "+task=rte: task is there already", "nearest: task=rte"),
    ("task=rte ++task=rte", "++task=rte: task is there already", "nearest: task=rte"),
    ("-m hydra.job.name=null", "hydra.job.name=null", "leave it away, or give one"),
    ("-m hydra.job_logging=x", "hydra.job_logging=x", "give hydra.job_logging={NAME: VALUE}"),
    ("-m hydra.job.chdir=foo", "hydra.job.chdir=foo", "true or false"),
    ("-m hydra.job.nme=foo", "hydra.job.nme=foo", "nearest: hydra.job.name"),
    ("-m hydra.launcher.foo=2", "hydra.launcher.foo=2", "leave it out"),
    ("-m hydra/job_logging=disabld", "hydra/job_logging=disabld", "nearest: hydra/job_logging=disabled"),
]


@pytest.mark.parametrize(("line", "names", "offers"), REFUSED, ids=[refused[0] for refused in REFUSED])
def test_the_value_and_the_way_out_are_told(line, names, offers, capsys):
    task = [] if "task=" in line else ["task=rte"]
    error = refusal([*line.split(), *task], capsys)
    assert names in error
    assert offers in error


def test_the_way_out_for_a_name_that_an_empty_mapping_has_not_leads_out():
    assert load_config(["task=rte", "++task.label_aliases={foo:bar}"]).task.label_aliases == {"foo": "bar"}
