"""What a model folder says about itself, read from its JSON files without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from lopa_bench.config.fields import Kind
from lopa_bench.config.files import is_choice
from lopa_bench.config.places import how_to_get
from lopa_bench.config.schema import Model
from lopa_bench.errors import Missing, UserError
from lopa_bench.models.content import of_folder, read_beside
from lopa_bench.models.weights import index_read, read_json, shards, weight_files

EMBEDDED = Path(__file__).parents[1] / "mini"


@cache
def compared() -> dict[str, Any]:
    """What is known of transformers' families, by kind and model type: families.json, made by scripts/conformance.py."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "families.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class ModelFiles:
    """A model's source (folder or hub id) and what its config.json says.

    Attributes:
        source: what transformers loads.
        folder: where the files lie, or None before a hub model has been downloaded.
        local_only: whether loading must not touch the network.
    """

    source: str
    folder: Path | None
    revision: str | None
    local_only: bool

    @cached_property
    def config(self) -> dict[str, Any]:
        if self.folder is None:
            return {}
        return read_json(self.folder / "config.json", f"model.path={self.source}")

    @property
    def own_code(self) -> str | None:
        """The Python file with the model's code, if that came with the checkpoint and is none of transformers' models."""
        classes = self.config.get("auto_map") or {}
        spec = find_spec("transformers")
        assert spec is not None
        known = Path(str(spec.origin)).parent / "models" / self.config.get("model_type", "-").replace("-", "_")
        if not classes or known.is_dir():
            return None
        reference = classes.get("AutoModel") or next(
            iter(classes.values())
        )  # "owner/name--file.Class", or "file.Class"
        return str(reference).split("--")[-1].rsplit(".", 1)[0] + ".py"

    @property
    def kind(self) -> Kind:
        """Masked or causal, from the architecture's name, else from the model type."""
        names = " ".join(self.config.get("architectures") or [])
        if "MaskedLM" in names:
            return "masked"
        family = self.config.get("model_type")
        masked, causal = (family in compared()[kind] for kind in ("masked", "causal"))
        causal = causal and "refused" not in compared()["causal"][family]
        if "CausalLM" in names or ("LMHead" in names and (causal or not masked)):  # XLM's is a masked LM's
            return "causal"
        return "masked" if masked else "causal"

    @property
    def reads_padded(self) -> bool:
        """Whether, with this version of transformers, the family's hidden states were its own, padded or not (docs/models.md)."""
        known, family = compared(), self.config.get("model_type")
        right = (known[kind].get(family, {}).get("right", ()) for kind in ("masked", "causal"))
        return known["transformers"] == version("transformers") and any("instance prompt" in each for each in right)

    def refused(self, kind: str) -> str | None:
        """Why this family is refused when it is loaded, if this version of transformers was compared (docs/models.md)."""
        known = compared()
        if known["transformers"] != version("transformers"):
            return None
        reason: str | None = known[kind].get(self.config.get("model_type"), {}).get("refused")
        return reason

    @property
    def positions(self) -> int:
        """Tokens the model can read at once; fairseq's families keep the first of their positions, up to the pad token's, for padding.

        No more than a row may have without changing how the others of its batch are read: longrope turns all positions otherwise from
        `original_max_position_embeddings` on, and BigBird's sparse attention begins where its blocks leave something out.
        """
        limit = self._first("max_position_embeddings", "n_positions", "max_seq_len")
        family = self.config.get("model_type")
        after_padding = any(compared()[kind].get(family, {}).get("after_padding") for kind in ("masked", "causal"))
        pad = self.config.get("pad_token_id")
        offset = (1 if pad is None else pad) + 1 if after_padding else 0
        return min(limit - offset if limit else 1 << 30, *self._apart())

    def _apart(self) -> Iterator[int]:
        """Up to how many tokens rows do not change each other's reading, of each thing in config.json that ends it."""
        yield 1 << 30
        for rope in ropes(self.config):
            if rope.get("rope_type", rope.get("type")) in ("longrope", "su"):
                key = "original_max_position_embeddings"
                yield rope.get(key) or self.config.get(key) or 1 << 30
        sparse = self.config.get("attention_type", "block_sparse") == "block_sparse"
        if sparse and self.config.get("model_type") == "big_bird":
            yield (5 + 2 * self.config.get("num_random_blocks", 3)) * self.config.get("block_size", 64)

    @property
    def width(self) -> int:
        return self._first("hidden_size", "n_embd", "dim", "d_model", "emb_dim")

    @property
    def layers(self) -> int:
        return self._first("num_hidden_layers", "n_layer", "n_layers", "num_layers")

    def _first(self, *names: str) -> int:
        return next((self.config[name] for name in names if self.config.get(name)), 0)

    @property
    def key_width(self) -> int:
        """Of a layer's keys: `width`, or less with grouped queries."""
        heads = self.config.get("num_attention_heads") or self.config.get("n_head") or 1
        key_heads = self.config.get("num_key_value_heads") or heads
        return key_heads * (self.config.get("head_dim") or self.width // heads)

    def options(self, trust_remote_code: bool) -> dict[str, Any]:
        """What every ``from_pretrained`` of these files is told."""
        return {
            "revision": self.revision,
            "local_files_only": self.local_only,
            "trust_remote_code": trust_remote_code,
        }

    def vocabulary(self) -> Any | None:
        """The folder's `tokenizers.Tokenizer`: tokenizer.json, else what transformers makes of its files; None if it makes none."""
        if self.folder is None:
            return None
        path = self.folder / "tokenizer.json"
        if path.is_file():
            from tokenizers import Tokenizer

            try:
                tokenizer = Tokenizer.from_file(str(path))
            except Exception as error:  # the library raises nothing narrower
                raise UserError(
                    f"model.path={self.source}: tokenizer.json is not a tokenizer ({str(error)[:80]}); download it again"
                ) from error
        else:
            from transformers import AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True).backend_tokenizer
            except Exception:  # whatever it is, loading the model says it
                return None
        tokenizer.no_padding()  # which a file may ask for, to a length of its own
        tokenizer.no_truncation()
        return tokenizer

    def fingerprint(self) -> str:
        """Tells models apart: the hub's id and revision, or of a folder its content (`content.of_folder`)."""
        return self._fingerprint(sampled=False)

    def is_known_as(self, fingerprint: str) -> bool:
        """Whether a result that names its model so was made with these files."""
        return fingerprint == self.fingerprint() or fingerprint == self._fingerprint(sampled=True)

    def _fingerprint(self, sampled: bool) -> str:
        if self.folder is None or not self.folder.is_dir():
            return f"{self.source}@{self.revision}"
        # An embedded model is the package's own, and known by two files and its weights in all of its results.
        beside = [] if self.folder.parent == EMBEDDED else read_beside(self.folder, self.own_code)
        return of_folder(self.folder, beside, sampled=sampled)


def ropes(config: Any) -> Iterator[dict[str, Any]]:
    """The settings of rotary positions in a config.json: one, or one for each type of layer."""
    for key in ("rope_parameters", "rope_scaling"):
        value = config.get(key)
        if isinstance(value, dict):
            yield value
            yield from (own for own in value.values() if isinstance(own, dict))


def kind_of(settings: Model, files: ModelFiles) -> Kind:
    """What the settings say, or with `auto` the model's own files."""
    return files.kind if settings.kind == "auto" else settings.kind


def locate(path: str, revision: str | None, offline: bool, key: str = "model.path") -> ModelFiles:
    """Find a model: `mini:NAME` ships with the package, an existing folder is taken as it is, anything else is a hub id.

    Raises:
        UserError: a folder that is not there or holds no model.
        Missing: a hub model that is not cached when offline, or one of conf/model that is on no hub.
    """
    if path.startswith("mini:"):
        folder = EMBEDDED / path.removeprefix("mini:")
        if not (folder / "config.json").is_file():
            names = ", ".join(f"mini:{p.parent.name}" for p in EMBEDDED.glob("*/config.json"))
            raise UserError(f"{key}={path}: there is no such embedded model; there are {names}")
        return ModelFiles(str(folder), folder, None, True)
    folder = Path(path).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError(f"{key}={path}: the folder has no config.json, so it is not a Hugging Face model folder")
        if not weight_files(folder):
            raise UserError(f"{key}={path}: the folder has no weights (*.safetensors)")
        return ModelFiles(str(folder), folder, None, True)
    if is_choice("model", path):
        raise Missing(f"{key}={path} is not there; {how_to_get(key, path, revision)}")
    if path.startswith((".", "/", "~")) or path.count("/") != 1:
        raise UserError(f"{key}={path}: there is no such folder, and it is not a hub id (owner/name)")
    cached = _cached(path, revision)
    if offline and cached is None:
        raise Missing(f"{key}={path} is not in the hub cache ({how_to_get(key, path, revision)})")
    return ModelFiles(path, cached, revision, offline)


def _cached(path: str, revision: str | None) -> Path | None:
    """The snapshot folder of a hub model that was downloaded before, without loading the hub's client."""
    hub = Path(constants.HF_HUB_CACHE) / f"models--{path.replace('/', '--')}"
    reference = hub / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else (revision or "main")
    folder = hub / "snapshots" / commit
    return folder if _whole(folder) else None


def _whole(folder: Path) -> bool:
    """Whether a download has come to its end: config.json and weights, all parts of them."""
    if index := index_read(folder):
        return all((folder / name).is_file() for name in shards(index, str(folder)))
    return bool(weight_files(folder)) and (folder / "config.json").is_file()
