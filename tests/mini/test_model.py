"""The shipped masked LM: its size, its tokenizer, and that it has learnt its world."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from lopa_bench import mini
from lopa_bench.mini.corpus import passages

FOLDER = Path(mini.__file__).parent / "mini-mlm"
LABEL_WORDS = (" Yes", " No", " Maybe", " great", " terrible")


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    return AutoModelForMaskedLM.from_pretrained(FOLDER, dtype=torch.float32).eval()


def test_size(model) -> None:
    assert sum(p.numel() for p in model.parameters()) <= 4_000_000
    assert sum(f.stat().st_size for f in FOLDER.glob("*.safetensors")) <= 10_000_000
    assert (FOLDER / "README.md").is_file()


def test_label_words_are_single_tokens(tokenizer) -> None:
    for word in LABEL_WORDS:
        (token,) = tokenizer(word, add_special_tokens=False).input_ids
        assert tokenizer.decode([token]) == word


def test_mask_takes_the_space_before_it(tokenizer) -> None:
    ids = tokenizer("Ann saw a beaver . ? <mask> , Ann saw a mammal .").input_ids
    assert ids.count(tokenizer.mask_token_id) == 1
    assert tokenizer.unk_token_id not in ids
    assert ids[0] == tokenizer.cls_token_id
    assert ids[-1] == tokenizer.sep_token_id


@pytest.mark.parametrize("task", ["rte", "mnli", "sst2", "mrpc", "qqp", "qnli"])
def test_rows_leave_room_for_a_hundred_virtual_tokens(task, tokenizer, model) -> None:
    rows = mini.records(task)["train"][:800]
    longest = max(len(tokenizer(" ? <mask> , ".join(str(v) for v in row.values())).input_ids) for row in rows)
    assert longest + 100 <= model.config.max_position_embeddings - 2


def test_answers_its_own_corpus(tokenizer, model) -> None:
    """Far above chance on text of another seed: it has learnt the world, not the passages."""
    answers = torch.tensor([tokenizer(w, add_special_tokens=False).input_ids for w in LABEL_WORDS])
    batch = tokenizer(list(passages(8_000, seed=99)), padding=True, return_tensors="pt")
    asked = torch.isin(batch["input_ids"], answers)
    inputs = batch["input_ids"].masked_fill(asked, tokenizer.mask_token_id)
    with torch.no_grad():
        logits = model(input_ids=inputs, attention_mask=batch["attention_mask"]).logits
    right = logits.argmax(-1)[asked] == batch["input_ids"][asked]
    assert right.float().mean() > 0.75
