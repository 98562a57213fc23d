"""What can be said of a model's folder before anything is loaded: whether it holds a model that is read here. Imports no torch."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lopa_bench.errors import UserError
from lopa_bench.models.content import VOCABULARIES
from lopa_bench.models.files import ModelFiles
from lopa_bench.models.hub import check_code
from lopa_bench.models.weights import check_weights, read_json, regular

# Sizes in config.json that are read before transformers reads it.
_NUMBERS = ("hidden_size", "n_embd", "num_hidden_layers", "n_layer", "num_attention_heads", "n_head", "num_key_value_heads", "head_dim",
            "max_position_embeddings", "original_max_position_embeddings", "n_positions", "vocab_size", "pad_token_id",
            "block_size", "num_random_blocks")  # fmt: skip


def check_usable(key: str, files: ModelFiles, trust_remote_code: bool) -> None:
    """Raise `UserError`, naming the model by `key`, for one that cannot be read or is of a kind that is not."""
    if files.folder is None:
        return
    source = f"{key}={files.source}"
    _check_config(files, source)
    check_code(key, files, trust_remote_code)
    check_weights(files.folder, source)
    _check_tokenizer(files.folder, source, files.own_code is not None)


def _check_config(files: ModelFiles, source: str) -> None:
    config = files.config
    for name, kind in (("model_type", str), ("architectures", list), ("auto_map", dict)):
        if not isinstance(config.get(name) or kind(), kind):
            raise UserError(f"{source}: {name} in config.json is {config[name]!r:.40}; download it again")
    for each in config.get("architectures") or []:
        if not isinstance(each, str):
            raise UserError(
                f"{source}: architectures in config.json has {each!r:.40}, which is no name; download it again"
            )
    for name in _NUMBERS:
        value = config.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UserError(f"{source}: {name} in config.json is {value!r:.40}, not a whole number; download it again")
    if not config.get("model_type") and not config.get("auto_map"):
        raise UserError(
            f"{source}: config.json has no model_type, so it is not a transformers model; download it again"
        )
    if config.get("is_encoder_decoder"):
        raise UserError(
            f"{source} is an encoder-decoder ({config['model_type']}); what is read here is a masked or a causal LM"
        )
    if config.get("quantization_config"):
        raise UserError(
            f"{source} is quantised (quantization_config in its config.json); nothing here was made for such weights: "
            "take the model that they were made from"
        )


def _check_tokenizer(folder: Path, source: str, own_code: bool) -> None:
    settings, named, added = (
        read_json(folder / name, source) if (folder / name).exists() else {}
        for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
    )
    found = [path for pattern in VOCABULARIES for path in folder.glob(pattern)]
    if not found and not own_code and not (folder / "tokenizer_config.json").exists():
        raise UserError(
            f"{source} has no tokenizer (tokenizer.json, vocab.txt, …); save the model's own there (AutoTokenizer's save_pretrained)"
        )
    for path in found:
        regular(path, source)
    if (folder / "tokenizer.json").exists():
        tokenizer = read_json(folder / "tokenizer.json", source)
        known = {*_texts(tokenizer), *added, *_contents((settings.get("added_tokens_decoder") or {}).values())}
        _check_special({**named, **settings}, known, source)


SPECIAL = (
    "mask_token",
    "bos_token",
    "eos_token",
)  # those that are read or end a text; a pad token may be any, it is masked


def _check_special(named: Mapping[str, Any], known: Container[str], source: str) -> None:
    """Raise `UserError` for a special token that the vocabulary has not: transformers would add it, with a row that nothing has trained."""
    for key in SPECIAL:
        for token in _contents([named.get(key)]):
            if token not in known:
                raise UserError(
                    f"{source}: its tokenizer_config.json names the {key} {token!r}, which its vocabulary (tokenizer.json) has not; "
                    "name the one that the model was trained with"
                )


def _texts(tokenizer: Mapping[str, Any]) -> Iterator[str]:
    """All tokens of a tokenizer.json: its vocabulary is a table, or a list of tokens with their scores."""
    vocabulary = (tokenizer.get("model") or {}).get("vocab") or []
    yield from (token if isinstance(token, str) else token[0] for token in vocabulary)
    yield from _contents(tokenizer.get("added_tokens") or [])


def _contents(tokens: Iterable[Any]) -> Iterator[str]:
    """The texts of special tokens, which are written as such or with their settings; None is none."""
    for token in tokens:
        text = token.get("content") if isinstance(token, Mapping) else token
        if isinstance(text, str):
            yield text
