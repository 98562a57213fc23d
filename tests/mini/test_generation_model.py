"""The shipped causal model: small, loadable, and able to read what the generated tasks hold."""

from itertools import islice
from pathlib import Path

import pytest

import lopa_bench.mini
from lopa_bench.mini import records
from lopa_bench.mini.clm_corpus import documents
from lopa_bench.mini.python_steps import LETTERS
from lopa_bench.run.records import read_records

FOLDER = Path(lopa_bench.mini.__file__).parent / "mini-clm"


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()


def test_model_and_file_are_small(model):
    assert sum(parameter.numel() for parameter in model.parameters()) <= 6_000_000
    assert (FOLDER / "model.safetensors").stat().st_size <= 12 * 2**20


def test_weights_are_stored_in_half_precision():
    from safetensors import safe_open

    with safe_open(FOLDER / "model.safetensors", "pt") as weights:
        names = weights.keys()
        assert {weights.get_slice(name).get_dtype() for name in names} == {"F16"}


def test_special_tokens_are_those_of_model_and_tokenizer(model, tokenizer):
    assert tokenizer.eos_token == tokenizer.bos_token == "<|endoftext|>"
    assert tokenizer.pad_token == "<|pad|>"
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert model.config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id
    assert model.config.vocab_size >= len(tokenizer)


@pytest.mark.parametrize("text", ["f([12, 305], 'xx')", "Café Rosso £20-25\n\tdéjà vu ∘", "  a\n"])
def test_any_text_survives_the_tokenizer(tokenizer, text):
    assert tokenizer.decode(tokenizer(text).input_ids) == text


@pytest.mark.parametrize("task", ["mbpp", "cruxeval_o", "cruxeval_i", "e2e", "webnlg"])
def test_prompt_and_answer_are_cut_into_tokens_where_the_whole_text_is(tokenizer, task):
    """Else nothing a frozen model has seen begins an answer."""
    from lopa_bench.config.compose import load_config

    config = load_config([f"task={task}", "method=lopa"])
    for example in config.task.examples(read_records(config).train)[:50]:
        apart = tokenizer(example.input).input_ids + tokenizer(example.target).input_ids
        assert apart == tokenizer(example.input + example.target).input_ids


def test_digits_and_letters_of_values_are_tokens_of_their_own(tokenizer):
    for value in ("2047", *(a + b for a in LETTERS for b in LETTERS)):
        inside = tokenizer.tokenize(f"'{value}'")[1:-1]
        assert inside == list(value)


def test_prompts_leave_room_for_a_hundred_virtual_tokens(model, tokenizer):
    longest = max(
        len(tokenizer(row["prompt"] + row["canonical_solution"]).input_ids) for row in records("mbpp")["test"]
    )
    assert longest + 100 <= model.config.max_position_embeddings


def test_the_model_has_learnt_its_corpus(model, tokenizer):
    import torch

    texts = list(islice(documents(seed=1), 80))
    ids = [token for text in texts for token in (*tokenizer(text).input_ids, 0)]
    rows = torch.tensor(ids[: 5 * 512]).view(5, 512)
    with torch.inference_mode():
        loss = model(input_ids=rows, labels=rows).loss.item()
    assert loss < 1.1  # guessing costs log(1280) = 7.2
