"""GLUE put to causal models: what they are asked, and that they are asked nothing else."""

import pytest
import tiny
import torch
from running import complaints
from transformers import AutoModelForCausalLM, AutoTokenizer

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.models.batches import encode_questions
from lopa_bench.models.files import EMBEDDED
from lopa_bench.run import identity
from lopa_bench.run.inputs import encode, examples_of
from lopa_bench.run.predict import answers
from lopa_bench.run.records import read_records
from lopa_bench.run.story import run

TASKS = ["sst2", "mnli", "mrpc", "qnli", "qqp", "rte"]
ROW = {"label": "0", "sentence": "a {fine} film", "sentence1": "A .", "sentence2": "B .", "premise": "A .", "hypothesis": "B .",
       "question": "A ?", "question1": "A ?", "question2": "B ?"}  # fmt: skip


def words(folder, results, *more):
    return [
        "task=rte",
        "model=local",
        f"model.path={folder}",
        f"results_dir={results}",
        "train.epochs=1",
        "train.max_length=64",
        *more,
    ]


@pytest.mark.parametrize("name", TASKS)
def test_a_causal_template_has_all_fields_and_ends_before_the_answer(name):
    task = load_config([f"task={name}"]).task
    label = next(iter(task.label_words))
    (cloze,) = task.for_kind("masked").examples([{**ROW, "label": label}])
    (asked,) = task.for_kind("causal").examples([{**ROW, "label": label}])
    assert "<mask>" in cloze.input
    assert "<mask>" not in asked.input
    assert asked.input == asked.input.rstrip()  # the label word brings its blank
    assert asked.target == cloze.target
    for field in set(task.columns) - {"label"}:
        assert ROW[field] in asked.input


def test_a_cloze_is_cut_at_its_mask():
    (asked,) = load_config(["task=sst2"]).task.for_kind("causal").examples([{"sentence": "fine", "label": "0"}])
    assert (asked.input, asked.target) == ("fine . It was", " terrible")


@pytest.mark.parametrize("architecture", tiny.CAUSAL)
@torch.no_grad()
def test_equal_to_transformers_next_token_logits(architecture, tiny_models, rte_files):
    """Predictions of the untouched model are the argmax of plain next-token logits over the label words."""
    folder = tiny_models(architecture)
    config = load_config([*words(folder, "unused"), "method=none", "data.source=files", f"data.dir={rte_files}"])
    model = tiny.adapt(folder, "none")
    examples = examples_of(config, read_records(config), "causal")["test"]
    split = encode(model, config, examples, training=False)
    got = [word for (word,) in answers(model, split, config).texts]

    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    label_words = list(config.task.label_words.values())
    ids = [tokenizer.encode(word, add_special_tokens=False)[0] for word in label_words]
    expected, seen = [], []
    for index, example in enumerate(examples):
        logits = plain(**tokenizer(example.input, return_tensors="pt")).logits[0, -1]
        expected.append(label_words[int(logits[ids].argmax())])
        seen.append(logits)
        torch.testing.assert_close(model(split.batch([index]))[0], logits, atol=1e-5, rtol=1e-5)
    assert got == expected
    torch.testing.assert_close(model(split.batch(range(len(split)))), torch.stack(seen), atol=1e-5, rtol=1e-5)
    batch = split.batch(range(len(split)))
    assert batch.targets.tolist() == [ids[label_words.index(e.target)] for e in examples]


def test_what_does_not_fit_is_cut_from_the_left(tiny_models):
    tokenizer = AutoTokenizer.from_pretrained(tiny_models("gpt2"))
    (example,) = load_config(["task=sst2"]).task.for_kind("causal").examples([{"sentence": "a dog sees", "label": "1"}])
    (whole,) = encode_questions(tokenizer, [example], 64, {})
    (cut,) = encode_questions(tokenizer, [example], 3, {})
    assert list(cut.ids) == list(whole.ids)[-3:]
    assert cut.columns == (2,)
    assert cut.targets == whole.targets == (tokenizer.encode(" great")[0],)


@pytest.mark.parametrize("selection", ["holdout", "paper"])
def test_a_run(selection, tiny_models, rte_files, tmp_path):
    folder = tiny_models("llama")
    small = ["method=lopa", "method.head_size=16", "method.pooling=mean", f"selection={selection}"]
    outcome = run(
        load_config([*words(folder, tmp_path), *small, "data.source=files", f"data.dir={rte_files}", "data.limit=24"])
    )
    assert outcome.result.metric == "glue"
    assert outcome.result.config["task"]["template"].endswith("Answer:")
    assert "causal_template" not in outcome.result.config["task"]


def test_the_other_kinds_template_is_no_part_of_a_run():
    def digest(*more):
        config = load_config(["task=rte", "method=pt", "data.limit=20", *more])
        return identity.digest(identity.determining(config, read_records(config)))

    changed, causal = "task.causal_template='{sentence1} {sentence2}'", "model=mini_clm"
    assert digest() == digest(changed)
    assert digest(causal) != digest(causal, changed)
    assert digest(causal) == digest(causal, "task.template='<mask> {sentence1} {sentence2}'")


def test_a_model_may_have_other_words():
    config = load_config(["task=mnli", "model=mini_clm"])
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED / "mini-clm")
    for word in config.task.label_words.values():
        assert len(tokenizer.encode(config.model.label_words[word])) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["task.causal_template=null"], "give task.causal_template='…', which ends where the answer is to stand"),
        (["task.causal_template='{sentence1} <mask>'"], "a causal LM has no mask"),
        (["task.label_words.entailment=' Zorgle'"], "task.label_words.entailment=' Zorgle' is"),
        (["task.label_words.entailment=' No'"], "the token that stands for not_entailment already"),
    ],
)
def test_what_cannot_be_asked_is_one_line(more, message, tiny_models, capsys, tmp_path):
    assert main([*words(tiny_models("gpt2"), tmp_path / "results", "method=pt", "data.limit=4"), *more]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(complaints(error)) == 1
    assert not (tmp_path / "results").exists()


def test_a_masked_model_writes_nothing(tiny_models):
    config = load_config(["task=e2e", "method=pt", "model=local", f"model.path={tiny_models('roberta')}"])
    with pytest.raises(UserError, match="is a masked LM; task=e2e needs a causal one"):
        run(config)
