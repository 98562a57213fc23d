"""The faults of the embedded rows that docs/mini.md tells are as many as it says."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from lopa_bench.mini import glue, lexicon, records
from lopa_bench.mini.baseline import COLUMNS, counts
from lopa_bench.mini.logic import EXCLUSIVE, disjoint

pytestmark = pytest.mark.slow  # of rows that stay as they are while runs rest on them


def test_neutral_rows_whose_premise_excludes_what_the_hypothesis_denies(monkeypatch):
    drawn, infer = [], glue.inference

    def inference(rng, who, label, *args, **kwargs):
        pair = infer(rng, who, label, *args, **kwargs)
        drawn.append((label, *pair))
        return pair

    def entails(premise, hypothesis):
        slot = EXCLUSIVE.get(premise.verb)
        same = (premise.agent, premise.verb) == (hypothesis.agent, hypothesis.verb)
        some_none = (premise.quantifier, hypothesis.quantifier) == ("some", "no")
        return bool(slot and same and some_none and disjoint(getattr(premise, slot), getattr(hypothesis, slot)))

    monkeypatch.setattr(glue, "inference", inference)
    glue.mnli()
    neutral = [pair for label, *pair in drawn if label == "neutral"]
    assert (len(neutral), sum(entails(*pair) for pair in neutral)) == (1600, 127)


def denied_in_one(found):
    return bool(found[4]) != bool(found[5])


def named_in_one(found):
    return any(found[:2])


@pytest.mark.parametrize(
    ("task", "has", "labels"),
    [
        ("mnli", denied_in_one, {"contradiction": 600, "neutral": 344}),
        ("rte", denied_in_one, {"not_entailment": 201}),
        ("mrpc", denied_in_one, {"0": 255}),
        ("qqp", named_in_one, {"0": 960}),
        ("mrpc", named_in_one, {"0": 202}),
    ],
)
def test_labels_of_test_rows_in_which_one_text_alone_denies_or_names(task, has, labels):
    columns, label = COLUMNS[task]
    rows = records(task)["test"]
    assert Counter(str(row[label]) for row in rows if has(counts([row[column] for column in columns]))) == labels


@pytest.mark.parametrize(("split", "programs"), [("test", 59), ("validation", 38)])
def test_programs_of_train_with_another_name_of_their_variable(split, programs):
    def unnamed(code):
        name = re.match(r"def \w+\((\w+)", code)[1]
        return re.sub(rf"\b{name}\b", "_", code)

    splits = records("cruxeval_o")
    known = {unnamed(row["code"]) for row in splits["train"]}
    assert sum(unnamed(row["code"]) in known for row in splits[split]) == programs


@pytest.mark.parametrize(("split", "subjects", "of", "rows"), [("test", 13, 33, 347), ("validation", 14, 30, 28)])
def test_subjects_that_are_objects_in_train(split, subjects, of, rows):
    def named(split, part):
        return {triple[part] for row in splits[split] for triple in row["modifiedtripleset"]}

    splits = records("webnlg")
    known = named(split, "subject") & named("train", "object")
    assert (len(known), len(named(split, "subject"))) == (subjects, of)
    assert sum(row["modifiedtripleset"][0]["subject"] in known for row in splits[split]) == rows


def test_nouns_and_verbs_of_opinion_are_those_of_train():
    shared = {*lexicon.POSITIVE_NOUNS, *lexicon.NEGATIVE_NOUNS, *lexicon.POSITIVE_VERBS, *lexicon.NEGATIVE_VERBS}
    divided = {*lexicon.POSITIVE, *lexicon.NEGATIVE}
    splits = records("sst2")
    train, test = ([set(row["sentence"].split()) for row in splits[split]] for split in ("train", "test"))
    assert shared & set().union(*test) <= set().union(*train)
    has = [words for words in test if words & shared]
    assert (len(has), sum(not words & divided for words in has)) == (871, 268)


@pytest.mark.parametrize(("split", "turned"), [("train", 3), ("validation", 0), ("test", 4)])
def test_pairs_of_questions_that_stand_there_turned_too(split, turned):
    pairs = [(row["question1"], row["question2"]) for row in records("qqp")[split]]
    assert sum((b, a) in pairs for a, b in pairs) == 2 * turned


def test_entries_whose_subject_is_their_object():
    triples = [triple for row in records("webnlg")["test"] for triple in row["modifiedtripleset"]]
    assert sum(triple["subject"] == triple["object"] for triple in triples) == 1
