"""Rows that are the part of a longer text are counted, exactly."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch

from lopa_bench.cli.main import main
from lopa_bench.methods.encoder_probe_model import EncoderProbeModel
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Split
from lopa_bench.models.tokens import completion_ids, prompt_ids, word_id
from lopa_bench.results.record import parse
from lopa_bench.run.inputs import encode, tokenised, unknown_words
from lopa_bench.run.model import adapt
from lopa_bench.tasks.example import Example

WORDS = ["the", "dog", "barn", "sees", "red", "not"]


def lengths(seed=0, count=40, most=60):
    draw = random.Random(seed)
    return [" ".join(draw.choice(WORDS) for _ in range(draw.randint(1, most))) for _ in range(count)]


@pytest.mark.parametrize("method", ["pt", "lopa"])
@pytest.mark.parametrize("limit", [4, 20, 21, 40, 100])
def test_clozes(tiny_models, method, limit):
    folder = tiny_models("roberta")
    model = tiny.adapt(folder, method)
    examples = [Example(f"{text} ? <mask>", " Yes") for text in lengths()]
    config = tiny.settings(folder, method, "task=rte", f"train.max_length={limit}")
    whole = [len(model.backbone.tokenizer(example.input)["input_ids"]) for example in examples]
    split = encode(model, config, examples, training=True)
    assert split.cut == sum(length > limit for length in whole)
    assert max(len(row.ids) for row in split.rows) <= limit


def test_what_the_encoder_cannot_read_counts_too(tiny_models, monkeypatch):
    folder = tiny_models("roberta")
    model = tiny.adapt(folder, "lopa")
    examples = [Example(f"{text} ? <mask>", " Yes") for text in lengths()]
    whole = [len(model.backbone.tokenizer(example.input)["input_ids"]) for example in examples]
    monkeypatch.setattr(type(model.encoder), "positions", property(lambda self: 30))
    config = tiny.settings(folder, "lopa", "task=rte", "train.max_length=40")
    assert encode(model, config, examples, training=True).cut == sum(length > 30 for length in whole)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("limit", "room"), [(40, 10), (41, 10), (25, 20), (100, 20)])
def test_texts_that_are_continued(tiny_models, training, limit, room):
    folder = tiny_models("gpt2")
    model = tiny.adapt(folder, "pt")
    examples = [
        Example(f"{text}<bos>", f" {answer}") for text, answer in zip(lengths(), lengths(seed=1, most=30), strict=True)
    ]
    lengths_of = f"train.max_length={limit}", f"generation.max_new_tokens={room}"
    config = tiny.settings(folder, "pt", "task=e2e", *lengths_of)
    tokenizer, cut = model.backbone.tokenizer, 0
    for example in examples:
        prompt = len(prompt_ids(tokenizer, example.input))
        answer = len(completion_ids(tokenizer, example.target)) + 1  # and the end token
        kept = min(prompt, limit - room)
        cut += prompt > kept or (training and kept + answer > limit)
    assert cut == encode(model, config, examples, training).cut
    assert cut > 0 or limit == 100


def test_the_result_and_the_output_say_it(overrides, capsys):
    """The rows are 11 tokens long, and some more."""
    assert main([*overrides, "train.epochs=0", "train.max_length=11"]) == 0
    out = capsys.readouterr().out
    (path,) = Path(overrides[6].partition("=")[2]).rglob("result.json")
    data = parse(path.read_bytes()).data
    assert set(data.truncated) == {"train", "validation", "test"}
    assert 0 < data.truncated["test"] <= data.rows["test"]
    assert f"{data.truncated['test']} of {data.rows['test']} test" in out
    assert "rows are longer than train.max_length=11 or the model's positions" in out


@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
def test_a_word_that_the_model_has_in_anothers_place_is_trained_read_and_told_alike(tiny_models, architecture):
    """By targets, by answers, by the classifier's start and by the probe, for both kinds of model."""
    config = tiny.settings(tiny_models(architecture), "none", "task=sst2")
    swapped = {" great": " terrible", " terrible": " great"}
    config = replace(config, model=replace(config.model, label_words=swapped))
    backbone = Backbone.load(config.model, "fp32", torch.device("cpu"), offline=True)
    told = " terrible It was" + (" <mask> ." if backbone.kind == "masked" else "")
    rows = tokenised(
        backbone.tokenizer, backbone.kind, config, [Example(told, word) for word in swapped], 40, training=True
    )
    own = [word_id(backbone.tokenizer, word) for word in swapped]
    assert [row.targets[0] for row in rows] == [backbone.word_id(word) for word in swapped] == own[::-1]
    words = tuple(config.task.label_words.values())
    probe = EncoderProbeModel(backbone, InstanceEncoder.beside(backbone, "mean", frozen=True), words)
    assert probe.tokens == [backbone.word_id(word) for word in words]
    read = adapt(replace(config, readout="classifier"), backbone).classifier
    assert list(read.words) == probe.tokens


def test_words_that_a_vocabulary_has_not_are_told(tiny_models):
    """All of them are one token to the model: a score on such rows is of what else they hold."""
    model = tiny.adapt(tiny_models("bert"), "none")
    unknown = model.backbone.tokenizer.unk_token_id
    rows = tiny.rows(model)
    assert unknown_words(model, Split(rows, 0)) == []
    (said,) = unknown_words(model, Split([*rows, tiny.replace(rows[0], ids=[*rows[0].ids, unknown])], 0))
    assert said.startswith(f"1 of {len(rows) + 1} test rows have words that this model's vocabulary has not")


def test_a_vocabulary_of_bytes_knows_every_word(tiny_models):
    """GPT-2 calls the token that begins a text its unknown one, and E2E's rows hold it."""
    model = tiny.adapt(tiny_models("gpt2"), "none")
    tokenizer = model.backbone.tokenizer
    tokenizer.unk_token = tokenizer.eos_token
    row = tiny.replace(tiny.rows(model)[0], ids=[tokenizer.eos_token_id])
    assert unknown_words(model, Split([row], 0)) == []
