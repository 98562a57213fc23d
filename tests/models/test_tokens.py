"""Texts and tokens of tokenizers that put a blank before every text, and of those that lose blanks."""

import json
import shutil

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.models.batches import encode_clozes, encode_completions, encode_prompts
from lopa_bench.models.files import ModelFiles
from lopa_bench.models.tokens import (
    check_blanks,
    check_special,
    check_targets,
    cloze_ids,
    completion_ids,
    encoder_ids,
    load_tokenizer,
    new_text,
    row_ids,
    word_id,
)
from lopa_bench.models.usable import check_usable
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


def joined(pre_tokenizer, decoder, blank):
    """A vocabulary with letters apart from what begins a word, in which every text is begun as a word."""
    pieces = ["<unk>", "<s>", "</s>", *"AB:abn", *(f"{blank}{letter}" for letter in ":ABab")]
    merges = [(blank, letter) for letter in ":ABab"]
    numbers = {token: n for n, token in enumerate([*pieces, blank])}
    tokenizer = Tokenizer(models.BPE(numbers, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoder
    return wrapped(tokenizer)


@pytest.mark.parametrize(
    ("pre_tokenizer", "decoder", "blank"),
    [
        (pre_tokenizers.Metaspace(), decoders.Metaspace(), "▁"),
        (pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel(), "Ġ"),
    ],
)
def test_an_answer_right_behind_the_text_does_not_begin_a_word(pre_tokenizer, decoder, blank):
    """The oracle is the tokenizer's own reading of the whole text."""
    tokenizer = joined(pre_tokenizer, decoder, blank)
    for word, name in ((" A", f"{blank}A"), ("A", "A"), ("B", "B")):
        whole = tokenizer(f"a:{word}", add_special_tokens=False)["input_ids"]
        assert tokenizer.convert_ids_to_tokens(whole[-1]) == name
        assert word_id(tokenizer, word) == whole[-1]
    with pytest.raises(UserError, match="'ab' is 2 tokens"):
        word_id(tokenizer, "ab")
    with pytest.raises(UserError, match="'Z' is no token"):
        word_id(tokenizer, "Z")


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


def test_tokenizers_that_drop_line_ends_or_indentation_cannot_write_programs():
    """WordPiece splits at blanks and forgets them; sentencepiece's nmt_nfkc makes one blank of any number."""
    words = {token: n for n, token in enumerate(["[UNK]", "def", "f", "a", "if", "return", "0", "(", ")", ":"])}
    wordpiece = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    wordpiece.pre_tokenizer, wordpiece.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    pieces = [("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in "abcdefinrtu:()0")]
    unigram = Tokenizer(models.Unigram(pieces, 0))
    unigram.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    unigram.pre_tokenizer, unigram.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    for tokenizer in (wordpiece, unigram):
        with pytest.raises(UserError, match="loses blanks, line ends or indentation"):
            check_blanks(wrapped(tokenizer), "a/b")
    check_blanks(wrapped(unigram), "a/b", ["a bad idea"])  # one line of text it can write


def test_targets_that_cannot_be_written_are_named(tiny_models):
    lower = PreTrainedTokenizerFast.from_pretrained(tiny_models("gpt2"))
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(UserError, match="cannot write the target ' Yes', which comes back as ' yes'"):
        check_targets(lower, "a/b", [" yes", " Yes"])
    special = PreTrainedTokenizerFast.from_pretrained(tiny_models("gpt2"))
    check_targets(special, "a/b", [" the cat sees", " Yes"])
    special.add_special_tokens({"additional_special_tokens": ["cat"]})
    with pytest.raises(UserError, match="' the cat sees', which comes back as ' the"):
        check_targets(special, "a/b", [" the cat sees"])


def test_a_text_of_no_token_is_no_input():
    tokenizer = wrapped(Tokenizer(models.BPE({"<s>": 0, "</s>": 1, "b": 2}, [])))
    assert completion_ids(tokenizer, "a") == []
    tokenizer = wrapped(Tokenizer(models.BPE({"<s>": 0, "</s>": 1, "a": 2}, [])))
    assert list(row_ids(tokenizer, "a")) == [2]
    with pytest.raises(UserError, match="its vocabulary has nothing of the text '日本'; leave that row out"):
        row_ids(tokenizer, "日本")


@pytest.fixture
def closing(tiny_models):
    """A causal tokenizer that closes every text with its end token."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_models("gpt2"))
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.eos_token_id)]
    )
    return tokenizer


def test_no_end_token_stands_between_a_prompt_and_its_completion(closing):
    end, example = closing.eos_token_id, Example("a cat sees", " the dog")
    assert closing(example.input)["input_ids"][-1] == end
    (prompt,) = encode_prompts(closing, [example], 50, 5)
    (row,) = encode_completions(closing, [example], 50, None)
    plain = closing(example.input, add_special_tokens=False)["input_ids"]
    assert list(prompt.ids) == plain
    assert list(row.ids)[: len(plain)] == plain
    assert [*row.ids, *row.targets].count(end) == 1
    assert row.targets[-1] == end


def test_the_mask_is_the_templates_even_where_the_text_spells_it(tiny_models):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_models("roberta"))
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    mask = tokenizer.mask_token_id
    text = "a [MASK] sees the dog ? <mask> , it sleeps"
    (ids,) = cloze_ids(tokenizer, [text], 60)
    assert ids.count(mask) == 1
    assert tokenizer.decode(ids[ids.index(mask) + 1 :]).startswith(" , it")
    (row,) = encode_clozes(tokenizer, [Example(text, "cat")], 60)
    assert row.columns == (ids.index(mask),)
    (read,) = encoder_ids(tokenizer, [text], 60, "right")
    assert list(read).count(mask) == 1


def test_a_task_takes_its_own_mask_for_words_too():
    task = load_config(["task=rte", "method=none"]).task
    (example,) = task.examples([{"sentence1": "say <mask> now", "sentence2": "x", "label": "entailment"}])
    assert example.input.count("<mask>") == 1


def test_a_mask_lost_to_truncation_keeps_the_end_token_if_there_is_one(tiny_models):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_models("roberta"))
    text = "the dog sees the cat ? <mask>"
    (ids,) = cloze_ids(tokenizer, [text], 5)
    assert list(ids[-2:]) == [tokenizer.mask_token_id, tokenizer.sep_token_id]
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.cls_token_id)]
    )
    bare = PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer, mask_token="<mask>", pad_token="<pad>")
    (ids,) = cloze_ids(bare, [text], 5)
    assert ids[-1] == bare.mask_token_id


@pytest.mark.parametrize(("kind", "missing"), [("gpt2", "pad"), ("roberta", "pad")])
def test_a_tokenizer_without_its_special_tokens_is_refused_by_the_token(kind, missing, tiny_models, tmp_path):
    whole = PreTrainedTokenizerFast.from_pretrained(tiny_models(kind))
    PreTrainedTokenizerFast(tokenizer_object=whole._tokenizer).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=f"its tokenizer names no {missing} token"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("roberta", {"mask_token": "[MASK]"}),
        ("roberta", {"mask_token": {"content": "[MASK]", "__type": "AddedToken"}}),
        ("gpt2", {"eos_token": "<end>"}),
        ("gpt2", {"bos_token": "<begin>"}),
    ],
)
def test_a_special_token_that_the_vocabulary_has_not_is_refused(kind, names, tiny_models, tmp_path):
    """transformers would add it, and a padded embedding table has a row for it that nothing has trained."""
    folder = shutil.copytree(tiny_models(kind), tmp_path / kind)
    check_usable("model.path", ModelFiles(str(folder), folder, None, True), trust_remote_code=False)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | names))
    (key,) = names
    with pytest.raises(UserError, match=f"names the {key} '.*', which its vocabulary"):
        check_usable("model.path", ModelFiles(str(folder), folder, None, True), trust_remote_code=False)
    path.write_text(
        json.dumps(
            settings
            | names
            | {
                "added_tokens_decoder": {
                    "999": {"content": "[MASK]"},
                    "998": {"content": "<end>"},
                    "997": {"content": "<begin>"},
                }
            }
        )
    )
    check_usable(
        "model.path", ModelFiles(str(folder), folder, None, True), trust_remote_code=False
    )  # the folder itself adds it


def test_each_kind_of_model_needs_a_token_of_its_own(tiny_models):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_models("gpt2"))
    check_special(tokenizer, "causal", "model.path=x")
    with pytest.raises(UserError, match=r"model.path=x: its tokenizer names no mask token"):
        check_special(tokenizer, "masked", "model.path=x")
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="names no eos token"):
        check_special(tokenizer, "causal", "model.path=x")


def test_a_tokenizer_of_another_model_is_refused(tiny_models):
    with pytest.raises(
        UserError, match=r"model.encoder=.*its tokenizer has token \d+, the model's embeddings have 50 rows"
    ):
        load_tokenizer(str(tiny_models("gpt2")), key="model.encoder", rows=50)


def test_a_tokenizer_without_a_vocabulary_is_refused(tmp_path):
    empty = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1}, unk_token="<unk>"))
    wrapped(empty).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="makes the same tokens of all texts"):
        load_tokenizer(str(tmp_path))


def test_a_vocabulary_that_pads_and_cuts(tiny_models, tmp_path):
    """As all-mpnet-base-v2's tokenizer.json does, to 128 tokens: a label word is told as it is."""
    tokenizer = Tokenizer.from_file(str(tiny_models("roberta") / "tokenizer.json"))
    tokenizer.enable_padding(length=128)
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = ModelFiles("here", tmp_path, None, True).vocabulary()
    assert len(found.encode(" Yes", add_special_tokens=False)) == 1
    assert len(found.encode(" Yes No Yes", add_special_tokens=False)) == 3
