"""Batches: padding, bucketing, the mask rule."""

import tracemalloc

import pytest
import torch

from lopa_bench.errors import UserError
from lopa_bench.models.batches import Row, Split, encode_clozes, pad
from lopa_bench.models.tokens import cloze_ids, word_id
from lopa_bench.tasks.example import Example


@pytest.fixture(scope="module")
def tokenizer(tiny_models):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_models("roberta"))


def rows(lengths):
    return [Row(list(range(1, n + 1)), [n - 1], [7], []) for n in lengths]


def test_pad_on_either_side():
    ids, mask = pad([[1, 2, 3], [4]], 0)
    assert ids.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    ids, mask = pad([[1, 2, 3], [4]], 0, side="left")
    assert ids.tolist() == [[1, 2, 3], [0, 0, 4]]


@pytest.mark.parametrize("bucket", [True, False])
def test_an_epoch_is_every_row_once_and_a_function_of_seed_and_epoch(bucket):
    split = Split(rows([3, 9, 4, 8, 5, 7, 6] * 30), 0)
    epoch = split.shuffled(4, seed=1, epoch=0, bucket=bucket)
    assert sorted(i for batch in epoch for i in batch) == list(range(210))
    assert epoch == split.shuffled(4, seed=1, epoch=0, bucket=bucket)
    assert epoch != split.shuffled(4, seed=1, epoch=1, bucket=bucket)
    assert epoch != split.shuffled(4, seed=2, epoch=0, bucket=bucket)


def test_buckets_pad_less():
    split = Split(rows([3, 9, 4, 8, 5, 7, 6] * 30), 0)

    def padded(bucket):
        return sum(split.batch(b).attention_mask.numel() for b in split.shuffled(4, 0, 0, bucket))

    assert padded(True) < 0.8 * padded(False)


def test_longest_first():
    lengths = [batch.input_ids.shape[1] for batch in Split(rows([3, 9, 4, 8, 5]), 0).by_length(2)]
    assert lengths == [9, 5, 3]


def test_mask_lost_to_truncation_goes_before_the_end_token(tokenizer):
    text = "the dog sees " * 20 + "<mask> , a cat"
    (ids,) = cloze_ids(tokenizer, [text], max_length=12)
    assert len(ids) == 12
    assert ids[-1] == tokenizer.sep_token_id
    assert ids[-2] == tokenizer.mask_token_id
    assert ids.count(tokenizer.mask_token_id) == 1


def test_one_scored_position_a_row(tokenizer):
    (row,) = encode_clozes(tokenizer, [Example("the dog ? <mask> , a cat", " Yes")], 64)
    assert row.ids[row.columns[0]] == tokenizer.mask_token_id
    assert list(row.targets) == tokenizer.encode(" Yes", add_special_tokens=False)


def test_a_label_word_is_one_token(tokenizer):
    with pytest.raises(UserError, match=r"'Zorgle' is . tokens"):
        word_id(tokenizer, "Zorgle")


def test_a_row_takes_little_memory(tokenizer):
    """A list of Python's numbers would take 36 bytes a token."""
    examples = [Example("the dog sees " * 20 + "<mask> , a cat", " Yes")] * 2000
    tracemalloc.start()
    tokens = sum(len(row.ids) for row in encode_clozes(tokenizer, examples, 64))
    kept = encode_clozes(tokenizer, examples, 64)
    before, _ = tracemalloc.get_traced_memory()
    del kept
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (before - after) / tokens < 10


def of_lengths(lengths):
    return [Row(list(range(1, n + 1)), [n - 1], [7], []) for n in lengths]


@pytest.mark.parametrize("bucket", [True, False])
def test_the_next_epoch_of_a_seed_is_not_the_next_seeds(bucket):
    split = Split(of_lengths([3, 9, 4, 8, 5, 7, 6] * 30), 0)
    assert split.shuffled(4, seed=0, epoch=1, bucket=bucket) != split.shuffled(4, seed=1, epoch=0, bucket=bucket)


def test_batches_of_one_length_come_in_no_order_of_length():
    split = Split(of_lengths([3, 9, 4, 8, 5, 7, 6] * 28), 0)
    lengths = [[len(split.rows[i].ids) for i in batch] for batch in split.shuffled(4, 0, 0, True)]
    longest = [max(batch) for batch in lengths]
    assert longest != sorted(longest)
    assert sum(len(set(batch)) > 1 for batch in lengths) <= 6  # of 49, one stretch: where one length ends


def test_a_part_of_a_split_has_the_features_of_its_rows():
    split = Split(of_lengths([3, 4, 5]), 0)
    split.features = torch.arange(3.0)[:, None]
    assert split.part([2, 1]).features.tolist() == [[2.0], [1.0]]
    assert split.part([2, 1]).numbers.tolist() == [2, 1]
