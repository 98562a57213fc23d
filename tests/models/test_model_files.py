"""What a model folder says of itself: how many tokens its rows may have, what kind it is, and what tells it from another."""

import json
import os
import subprocess
import sys

import pytest
from transformers import AutoConfig, AutoModel, BigBirdConfig, Phi3Config

from lopa_bench.errors import UserError
from lopa_bench.models.content import of_folder
from lopa_bench.models.files import ModelFiles
from lopa_bench.models.own_forward import check_own_features


def files(folder, **config):
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return ModelFiles(str(folder), folder, None, True)


def factors(width):
    return {"short_factor": [1.0] * width, "long_factor": [2.0] * width}


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "llama", "max_position_embeddings": 64}, 64),
        ({"model_type": "llama"}, 1 << 30),
        # a batch whose longest row passes the first range turns the positions of all its rows otherwise
        ({"model_type": "phi3", "max_position_embeddings": 64, "original_max_position_embeddings": 16,
          "rope_scaling": {"type": "longrope", **factors(4)}}, 16),
        ({"model_type": "phi3", "max_position_embeddings": 64,
          "rope_parameters": {"rope_type": "longrope", "original_max_position_embeddings": 16, **factors(4)}}, 16),
        ({"model_type": "x", "max_position_embeddings": 64,
          "rope_parameters": {"full": {"rope_type": "longrope", "original_max_position_embeddings": 16},
                              "sliding": {"rope_type": "default"}}}, 16),
        ({"model_type": "llama", "max_position_embeddings": 64, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
          "original_max_position_embeddings": 16}}, 64),
        # transformers leaves sparse attention for good at the first text that its blocks cover whole
        ({"model_type": "big_bird", "max_position_embeddings": 4096, "attention_type": "block_sparse", "block_size": 64,
          "num_random_blocks": 3}, 704),
        ({"model_type": "big_bird", "max_position_embeddings": 4096}, 704),
        ({"model_type": "big_bird", "max_position_embeddings": 4096, "attention_type": "original_full"}, 4096),
    ],
)  # fmt: skip
def test_rows_may_be_as_long_as_their_batch_does_not_change_them(config, positions, tmp_path):
    assert files(tmp_path, **config).positions == positions


def test_the_settings_are_where_transformers_writes_them(tmp_path):
    longrope = {"rope_type": "longrope", "original_max_position_embeddings": 16, "rope_theta": 1e4, **factors(4)}
    for config in (
        Phi3Config(hidden_size=32, num_attention_heads=4, max_position_embeddings=64, rope_parameters=longrope,
                   original_max_position_embeddings=16, pad_token_id=0, eos_token_id=0, vocab_size=9),
        BigBirdConfig(block_size=2, num_random_blocks=1, max_position_embeddings=64),
    ):  # fmt: skip
        config.save_pretrained(tmp_path)
        read = ModelFiles(str(tmp_path), tmp_path, None, True)
        assert read.positions == (16 if config.model_type == "phi3" else 14)


@pytest.mark.parametrize(
    ("family", "architecture", "kind"),
    [
        ("flaubert", "FlaubertWithLMHeadModel", "masked"),
        ("xlm", "XLMWithLMHeadModel", "masked"),
        ("gpt2", "GPT2LMHeadModel", "causal"),
        ("bert", "BertLMHeadModel", "causal"),
        ("bert", "BertForMaskedLM", "masked"),
        ("bert", "BertModel", "masked"),
        ("my_own", "MyLMHeadModel", "causal"),
    ],
)
def test_a_head_is_of_the_kind_that_its_family_has(family, architecture, kind, tmp_path):
    assert files(tmp_path, model_type=family, architectures=[architecture]).kind == kind


def test_changed_code_and_changed_vocabularies_are_another_model(tmp_path):
    own = files(tmp_path, model_type="my_own", auto_map={"AutoModel": "modeling_my.MyModel"})
    prints = [own.fingerprint()]
    for name, content in (
        ("modeling_my.py", "a = 1"),
        ("modeling_my.py", "a = 2"),
        ("bpe.codes", "a b"),
        ("x.spm", "x"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        prints.append(own.fingerprint())
    assert len(set(prints)) == len(prints)
    known = files(tmp_path, model_type="bert")
    before = known.fingerprint()
    (tmp_path / "train.py").write_text("print()", encoding="utf-8")  # which nothing here runs
    assert known.fingerprint() == before


def test_no_byte_of_large_weights_goes_unseen_and_results_of_before_know_their_model(tmp_path):
    own = files(tmp_path, model_type="bert")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(65 << 20))
    before, known_as = own.fingerprint(), of_folder(tmp_path, [], sampled=True)
    with weights.open("r+b") as file:
        file.seek(200_000)  # between two of the samples
        file.write(b"1")
    os.utime(weights, ns=(1, 1))
    assert of_folder(tmp_path, [], sampled=True) == known_as
    assert own.fingerprint() != before
    assert not own.is_known_as(before)
    assert own.is_known_as(known_as)


def test_of_two_sets_of_weights_the_index_says_which_is_read(tmp_path):
    own, prints = files(tmp_path, model_type="bert"), []
    for release in ("first", "second"):
        (tmp_path / f"{release}-00001-of-00001.safetensors").write_text(release)
    for release in ("first", "second"):
        index = {"weight_map": {"a": f"{release}-00001-of-00001.safetensors"}}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
        prints.append(own.fingerprint())
        assert own.is_known_as(prints[-1])
    assert prints[0] != prints[1]
    assert not own.is_known_as(prints[0])


def test_words_are_looked_up_where_there_is_no_tokenizer_json(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "##ly"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    vocabulary = files(tmp_path, model_type="bert").vocabulary()
    read = {word: vocabulary.encode(word, add_special_tokens=False).tokens for word in ("Good", "badly", "☃")}
    assert read == {"Good": ["good"], "badly": ["bad", "##ly"], "☃": ["[UNK]"]}


@pytest.mark.parametrize(("family", "says"), [("bert", None), ("fnet", "reads a text otherwise where others pad it")])
def test_an_encoder_reads_a_text_the_same_beside_others(family, says):
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 30,
    }
    config = AutoConfig.for_model(family, **sizes, max_position_embeddings=40, tpu_short_seq_length=40)
    body, read = AutoModel.from_config(config), ModelFiles("a/b", None, None, True)
    read.__dict__["config"] = config.to_dict()
    if says is None:
        check_own_features(body, read)
        return
    with pytest.raises(UserError, match=says):
        check_own_features(body, read)


def test_an_encoder_that_cannot_read_what_its_config_allows_is_refused():
    body = AutoModel.from_config(AutoConfig.for_model("bert", hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                                      intermediate_size=16, vocab_size=30, max_position_embeddings=20))  # fmt: skip
    read = ModelFiles("a/b", None, None, True)
    read.__dict__["config"] = {"model_type": "bert", "max_position_embeddings": 34}
    with pytest.raises(UserError, match=r"model\.encoder=a/b: BertModel does not read texts here"):
        check_own_features(body, read)


@pytest.mark.parametrize(
    "told", [{"XDG_CACHE_HOME": "{}"}, {"HF_HOME": "~/huggingface"}, {"HUGGINGFACE_HUB_CACHE": "{}/huggingface/hub"}]
)
def test_a_downloaded_model_is_where_the_hubs_client_puts_it(tmp_path, told):
    """In a process of its own: the client reads the environment when it is imported."""
    folder = tmp_path / "huggingface/hub/models--tests--tiny/snapshots/main"
    folder.mkdir(parents=True)
    files(folder, model_type="llama")
    (folder / "model.safetensors").touch()
    usual = {key: value for key, value in os.environ.items() if not key.startswith(("HF_H", "HUGGINGFACE_"))}
    environment = {**usual, "HOME": str(tmp_path), **{key: value.format(tmp_path) for key, value in told.items()}}
    code = "from lopa_bench.models.files import locate; print(locate('tests/tiny', 'main', True).folder)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(folder), done.stderr
