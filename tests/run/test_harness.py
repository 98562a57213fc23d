"""A finished causal run in lm-evaluation-harness: its likelihoods and texts are those of the model, its scores those of the run."""

import json
from types import SimpleNamespace

import pytest
import tiny
import torch
from running import needs

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.run.harness.scoring import Scorer
from lopa_bench.run.story import run

CONTEXTS = ["the cat sees", "", "every red barn is not blue , a dog"]
WANTED = [" a dog", "some cat eats", " is"]


def scorer(folder, method, *overrides):
    config = tiny.settings(folder, method, *overrides)
    return Scorer(tiny.perturbed(tiny.adapt(folder, method, *overrides)), config, batch_size=2)


def asked(one, contexts=CONTEXTS, wanted=WANTED):
    encode = one.tokenizer
    return [
        (c, encode(c)["input_ids"] or [one.begin], encode(w)["input_ids"])
        for c, w in zip(contexts, wanted, strict=True)
    ]


@pytest.mark.parametrize("method", ["none", "pt", "lopa", "dept", "lora", "prefix_tuning"])
@torch.no_grad()
def test_likelihoods_are_sums_of_log_probabilities_row_by_row(method, tiny_models):
    """Against the model called on one unpadded row at a time; what follows a token has no part in its likelihood."""
    one = scorer(tiny_models("llama"), method)
    together = one.likelihoods(asked(one))
    for question, (likelihood, greedy) in zip(asked(one), together, strict=True):
        (alone,) = one.likelihoods([question])
        text, context, wanted = question
        parts = [one.likelihoods([(text, [*context, *wanted[:i]], [wanted[i]])])[0] for i in range(len(wanted))]
        assert alone[0] == pytest.approx(likelihood, abs=1e-4)
        if method != "dept":  # its update is of the instance's words, and here the instance grows
            assert sum(each for each, _ in parts) == pytest.approx(likelihood, abs=1e-4)
            assert all(each for _, each in parts) == greedy == alone[1]


@torch.no_grad()
def test_nothing_before_a_continuation_is_the_token_that_begins_a_text(tiny_models):
    """lm-eval leaves nothing of a context of blanks; what was read then was the row before."""
    one = scorer(tiny_models("llama"), "none")
    first, second, *_ = asked(one)
    nothing = ("", [], second[2])
    assert one.likelihoods([nothing]) == pytest.approx(one.likelihoods([("", [one.begin], second[2])]))
    assert one.likelihoods([first, nothing])[1] == pytest.approx(one.likelihoods([nothing])[0], abs=1e-4)


@torch.no_grad()
def test_the_prompt_is_written_for_the_context_alone(tiny_models):
    one = scorer(tiny_models("gpt2"), "lopa")
    _, context, wanted = asked(one)[0]
    (own,), (other,) = (one.likelihoods([(text, context, wanted)]) for text in ("the cat sees", "a blue barn"))
    assert abs(own[0] - other[0]) > 0.01
    together = one.likelihoods([("the cat sees", context, wanted), ("a blue barn", context, wanted)])
    assert [value for value, _ in together] == pytest.approx([own[0], other[0]], abs=1e-4)


@torch.no_grad()
def test_texts_are_greedy_and_end_at_stop_words(tiny_models):
    one = scorer(tiny_models("gpt2"), "lopa")
    whole = one.texts(CONTEXTS, 12, [], {})
    alone = [one.texts([context], 12, [], {})[0] for context in CONTEXTS]
    assert whole == alone
    stop = next(text for text in whole if len(text) > 2)[1:3]
    assert one.texts(CONTEXTS, 12, [stop], {}) == [text.split(stop)[0] for text in whole]
    assert one.texts(CONTEXTS, 12, [], {"do_sample": True, "temperature": 1.0}) != whole


def test_what_cannot_be_asked_is_one_line(tiny_models):
    with pytest.raises(UserError, match="a masked LM has no likelihood"):
        scorer(tiny_models("roberta"), "none")
    one = scorer(tiny_models("gpt2"), "pt")
    assert one.room == 130 - 4
    with pytest.raises(UserError, match="gen_kwargs top_k=3: not known here"):
        one.texts(["a"], 4, [], {"top_k": 3})
    with pytest.raises(UserError, match=r"gen_kwargs.temperature=-1"):
        one.texts(["a"], 4, [], {"do_sample": True, "temperature": -1.0})
    with pytest.raises(UserError, match="max_gen_toks=126: the model has 126 positions"):
        one.texts(["a"], 126, [], {})
    with pytest.raises(UserError, match="a continuation of 127 tokens"):
        one.likelihoods([("", [1], [5] * 127)])
    with pytest.raises(UserError, match="a continuation without a token"):
        one.likelihoods([("", [1], [])])


@pytest.fixture(scope="module")
def lm_eval():
    return needs("lm_eval", "harness")


def requests(*arguments):
    return [SimpleNamespace(args=each, task_name="none") for each in arguments]


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_without_a_prompt_it_is_the_harness_s_own_model(architecture, lm_eval, tiny_models):
    from lm_eval.models.huggingface import HFLM

    from lopa_bench.run.harness.__main__ import LopaLM

    folder = tiny_models(architecture)
    theirs = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=2)
    ours = LopaLM(Scorer(tiny.adapt(folder, "none"), tiny.settings(folder, "none"), 2))
    long = " ".join(["every red barn is not blue , a dog eats ."] * 20)  # of more tokens than positions
    pairs = requests(*zip(CONTEXTS, WANTED, strict=True))
    assert [g for _, g in ours.loglikelihood(pairs)] == [g for _, g in theirs.loglikelihood(pairs)]
    torch.testing.assert_close(
        [v for v, _ in ours.loglikelihood(pairs)], [v for v, _ in theirs.loglikelihood(pairs)], atol=1e-3, rtol=1e-4
    )
    texts = requests((long,), ("the cat",))
    torch.testing.assert_close(
        ours.loglikelihood_rolling(texts), theirs.loglikelihood_rolling(texts), atol=1e-2, rtol=1e-4
    )
    given = {"until": ["."], "max_gen_toks": 8, "do_sample": False}
    written = requests(*((context, given) for context in CONTEXTS if context))
    assert ours.generate_until(written) == theirs.generate_until(written)


TASK = """\
task: own_rte
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{sentence1}}}}\\nQuestion: {{{{sentence2}}}} Yes or No?\\nAnswer:"
doc_to_choice: ["No", "Yes"]
doc_to_target: label
metric_list: [{{metric: acc}}]
"""


def test_a_run_scores_in_the_harness_as_it_does_here(lm_eval, run_overrides, rte_files, tiny_models, tmp_path):
    """The same rows, asked in the same words, through the registry by the name `lopa`."""
    from lm_eval.tasks import TaskManager

    import lopa_bench.run.harness.__main__  # noqa: F401  (a harness after 0.4.13 finds it by itself)

    words = [*run_overrides(tmp_path), "method=lopa", f"model.path={tiny_models('gpt2')}", "train.max_length=60"]
    outcome = run(load_config(words))
    rows = [line.split("\t") for line in (rte_files / "glue/RTE/dev.tsv").read_text("utf-8").splitlines()[1:]]
    with (tmp_path / "rows.jsonl").open("w") as file:
        for _, one, other, label in rows:
            print(json.dumps({"sentence1": one, "sentence2": other, "label": int(label == "entailment")}), file=file)
    (tmp_path / "task.yaml").write_text(TASK.format(file=tmp_path / "rows.jsonl"))
    results = lm_eval.simple_evaluate(
        model="lopa",
        model_args={"run": str(outcome.directory.path)},
        tasks=["own_rte"],
        task_manager=TaskManager(include_path=str(tmp_path), include_defaults=False),
        bootstrap_iters=0,
    )
    assert results["results"]["own_rte"]["acc,none"] * 100 == pytest.approx(outcome.result.metrics["accuracy"])
    lines = [json.loads(line) for line in (outcome.directory.path / "predictions.jsonl").read_text().splitlines()]
    said = [sample["filtered_resps"][1][0] > sample["filtered_resps"][0][0] for sample in results["samples"]["own_rte"]]
    assert said == [line["prediction"] == " Yes" for line in lines]


@pytest.mark.slow
def test_a_mistake_on_the_harness_s_command_line_is_one_line(lm_eval, tmp_path, monkeypatch, capsys):
    from lopa_bench.run.harness.__main__ import main

    (tmp_path / "task.yaml").write_text(TASK.format(file=tmp_path / "rows.jsonl"))
    asked = ["--model", "lopa", "--model_args", "run=nowhere", "--tasks", "own_rte", "--include_path", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["lm_eval", *asked])
    assert main() == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("lopa-bench: error: run=nowhere: ")
