"""Model folders as they arrive: each damage is one line that names the file, before anything is loaded or written."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM

from lopa_bench.cli.main import main
from lopa_bench.errors import UserError
from lopa_bench.models.files import locate
from lopa_bench.models.usable import check_usable

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 90868376\n"


def config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def shard(folder):
    """The weights in two files, of which the second is missing."""
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    (folder / "model.safetensors").unlink()
    save_file(
        {name: weights[name] for name in names[::2]}, folder / "model-00001-of-00002.safetensors", {"format": "pt"}
    )
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))


def begin_with(header):
    def change(folder):
        (folder / "model.safetensors").write_bytes(header)

    return change


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def pipe(name):
    def change(folder):
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return change


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


def quantised(folder):
    """A matrix as int8 whose scale is nowhere."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in sorted(weights) if name.endswith("query.weight"))
    save_file(weights | {name: (weights[name] * 100).to(torch.int8)}, path, {"format": "pt"})


DEEP = "[" * 100_000 + "]" * 100_000
DAMAGES = {
    "lfs weights": (write("model.safetensors", POINTER), "model.safetensors is a Git LFS pointer; run `git lfs pull`"),
    "lfs tokenizer": (write("tokenizer.json", POINTER), "tokenizer.json is a Git LFS pointer"),
    "lfs config": (write("config.json", POINTER), "config.json is a Git LFS pointer"),
    "empty": (write("model.safetensors", ""), "model.safetensors is empty; download it again"),
    "half a download": (cut, r"model.safetensors has \d+ bytes and its header says \d+: half a download"),
    "missing shard": (shard, "model-00002-of-00002.safetensors, named in model.safetensors.index.json, is missing"),
    "absurd header": (begin_with(b"\xff" * 8 + b"{}"), "model.safetensors is not a safetensors file"),
    "header beyond the end": (begin_with((10**6).to_bytes(8, "little") + b"{}"), "its header is longer than that"),
    "deep header": (begin_with(len(DEEP).to_bytes(8, "little") + DEEP.encode()), "broken safetensors header"),
    "deep config": (write("config.json", DEEP), "config.json is missing or not JSON"),
    "deep tokenizer": (write("tokenizer_config.json", DEEP), "tokenizer_config.json is missing or not JSON"),
    "a list for a config": (write("config.json", "[1]"), "config.json is not a JSON object"),
    "weights through a pipe": (pipe("model.safetensors"), "model.safetensors is not a regular file"),
    "tokenizer through a pipe": (pipe("tokenizer.json"), "tokenizer.json is not a regular file"),
    "a quantised weight": (quantised, r"query\.weight in model\.safetensors is of type I8"),
    "two sets of weights": (
        write("model.safetensors.index.json", '{"weight_map": {"a": "model.safetensors"}}'),
        "which may be two models",
    ),
    "two sets of older weights": (
        lambda folder: (
            (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            write("pytorch_model.bin.index.json", '{"weight_map": {"a": "pytorch_model.bin"}}')(folder),
        ),
        "which may be two models",
    ),
    "a size in words": (
        lambda folder: config(folder, max_position_embeddings="512"),
        "max_position_embeddings in config.json is '512', not a whole number",
    ),
    "quantised": (lambda folder: config(folder, quantization_config={"bits": 4}), "is quantised"),
    "encoder-decoder": (
        lambda folder: config(folder, model_type="t5", is_encoder_decoder=True, architectures=["T5Model"]),
        r"is an encoder-decoder \(t5\)",
    ),
    "no type": (lambda folder: config(folder, model_type=None), "config.json has no model_type"),
    "an adapter": (write("adapter_config.json", "{}"), "holds a peft adapter"),
    "no tokenizer": (lambda folder: [path.unlink() for path in folder.glob("token*")], "has no tokenizer"),
}


@pytest.mark.parametrize(("change", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_from_the_files_alone(change, message, tiny_models, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_models("bert"), folder)
    check_usable("model.path", locate(str(folder), None, True), False)
    change(folder)
    with pytest.raises(UserError, match=message) as told:
        check_usable("model.path", locate(str(folder), None, True), False)
    assert str(told.value).startswith("model.path=")
    assert "\n" not in str(told.value)


UNREAD = {
    "an index of weights that were not downloaded": write(
        "pytorch_model.bin.index.json", '{"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}'
    ),
    "a pointer to older weights": write("pytorch_model.bin", POINTER),
    "another tool's index": write(
        "consolidated.safetensors.index.json", '{"weight_map": {"a": "missing.safetensors"}}'
    ),
}


@pytest.mark.parametrize("change", UNREAD.values(), ids=UNREAD)
def test_what_is_not_read_may_be_missing(change, tiny_models, tmp_path):
    """As transformers does: safetensors go first, and what lies beside them is not read."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_models("bert"), folder)
    change(folder)
    check_usable("model.path", locate(str(folder), None, True), False)
    AutoModelForMaskedLM.from_pretrained(folder)


def test_a_vocabulary_of_another_size_and_an_unknown_type_end_a_run_in_one_line(
    overrides, tiny_models, tmp_path, capsys
):
    for name, changes, message in (
        ("size", {"vocab_size": 9999}, r"by config.json"),
        ("type", {"model_type": "superbert"}, "cannot load it"),
    ):
        folder = tmp_path / name
        shutil.copytree(tiny_models("roberta"), folder)
        config(folder, **changes)
        assert main([*overrides, f"model.path={folder}"]) == 2
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert told.startswith(f"lopa-bench: error: model.path={folder}")
        assert message in told
        assert not [path for path in Path(tmp_path / "results").rglob("*") if path.is_file()]
