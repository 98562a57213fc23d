"""Texts and tokens of tokenizers that put a blank before every text, and of those that lose blanks."""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from lopa_bench.errors import UserError
from lopa_bench.models.batches import encode_completions
from lopa_bench.models.tokens import check_blanks, completion_ids, new_text
from lopa_bench.tasks.example import Example

BODY = "    b = a + 1\n    return b"


def wrapped(tokenizer):
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", bos_token="<s>", unk_token="<unk>")


@pytest.fixture
def sentencepiece():
    """As Llama 2's and Phi-3's: a blank before every text, taken away in decoding; a line end is a byte."""
    vocabulary = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{n:02X}>" for n in range(256)),
        "▁",
        "▁▁",
        "▁▁▁▁",
        *"abcdefinrtu:()+=1",
    ]
    merges = [("▁", "▁"), ("▁▁", "▁▁")]
    numbers = {token: n for n, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(numbers, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return wrapped(tokenizer)


def test_a_completion_keeps_its_blanks(sentencepiece):
    """A body one blank short is no Python."""
    ids = completion_ids(sentencepiece, BODY)
    assert sentencepiece.convert_ids_to_tokens(ids)[:2] == ["▁▁▁▁", "b"]
    assert new_text(sentencepiece, ids, 100, []) == BODY
    assert new_text(sentencepiece, [*ids, sentencepiece.eos_token_id, 7], 100, ["\n"]) == "    b = a + 1"
    assert new_text(sentencepiece, [], 100, []) == ""


def test_what_is_trained_is_what_follows_the_prompt(sentencepiece):
    prompt = "def f(a):\n"
    (row,) = encode_completions(sentencepiece, [Example(prompt, BODY)], 200, None)
    whole = sentencepiece(prompt + BODY)["input_ids"]
    assert [*row.ids, row.targets[-1]] == [*whole, sentencepiece.eos_token_id]


def test_a_tokenizer_that_loses_blanks_is_refused(sentencepiece, tiny_models):
    tokenizer = Tokenizer(models.BPE({"<unk>": 0, "a": 1, "f": 2}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    with pytest.raises(UserError, match=r"model.path=a/b: its tokenizer loses blanks"):
        check_blanks(wrapped(tokenizer), "a/b")
    check_blanks(sentencepiece, "a/b")
