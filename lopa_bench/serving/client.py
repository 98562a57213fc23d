"""The user's side of a soft-prompt method: what turns texts into a server's input, in a folder of its own.

The server holds an untouched backbone and takes `inputs_embeds`. The client holds a run's prompt, the word embeddings, the tokenizer and,
where the prompt reads the instance, the instance encoder::

    from lopa_bench.serving.client import SoftPromptClient

    client = SoftPromptClient.load("exported/rte")             # written by: lopa-bench export run=… to=exported/rte
    request = client.embed(["A cat sees a dog . ? <mask> , A dog is seen ."])
    logits = server(inputs_embeds=request.inputs_embeds, attention_mask=request.attention_mask)

Several clients' requests, padded on the right to one length, are answered in one batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from lopa_bench.config import files
from lopa_bench.config.fields import Kind
from lopa_bench.config.marks import MASK
from lopa_bench.errors import UserError
from lopa_bench.host.device import usable_device
from lopa_bench.host.files import half_a_pair, load_json
from lopa_bench.methods.base import SoftPromptMethod
from lopa_bench.methods.export import CLIENT_FORMAT, check_client, client_method
from lopa_bench.methods.instance_encoder import pool
from lopa_bench.methods.parts import Parts
from lopa_bench.methods.placement import join, places
from lopa_bench.models.batches import pad
from lopa_bench.models.files import locate
from lopa_bench.models.loading import quieten
from lopa_bench.models.shape import Shape
from lopa_bench.models.tokens import cloze_ids, encoder_ids, masked, row_ids, token_ids
from lopa_bench.serving.completions import complete


class Request(NamedTuple):
    """What a server is asked, for B texts.

    Attributes:
        inputs_embeds: [B, M + T, D], the soft prompt and the embedded tokens, padded on the right.
        attention_mask: [B, M + T].
        input_ids: [B, T] the tokens.
        positions: [B, T] where the answer has the tokens' logits: M + t for token t, unless the prompt stands elsewhere than before them.
    """

    inputs_embeds: Tensor
    attention_mask: Tensor
    input_ids: Tensor
    positions: Tensor


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """What reading a client's files may raise is a `UserError` of the folder."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        raise UserError(f"{folder} is not a whole soft-prompt client: {reason}") from error


class SoftPromptClient:
    """Prompt, word embeddings, tokenizer and instance encoder of one run."""

    def __init__(
        self,
        method: SoftPromptMethod,
        kind: Kind,
        max_length: int,
        encoder_max_length: int,
        parts: Parts,
        embedding: Tensor,
        tokenizer: Any,
        encoder: Any,
        encoder_tokenizer: Any,
    ) -> None:
        self.method, self.kind, self.tokenizer = method, kind, tokenizer
        self.max_length, self.encoder_max_length = max_length, encoder_max_length
        self.encoder, self.encoder_tokenizer = encoder, encoder_tokenizer
        self.embedding, self.parts = embedding, parts.eval().to(embedding.device)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        device: str = "cpu",
        conf_path: str | Path | None = None,
        backbone: str | Path | None = None,
    ) -> SoftPromptClient:
        """Read what `lopa-bench export` wrote.

        Args:
            conf_path: of a method of your own, the folder of YAML that names it (``conf.path``).
            backbone: the model folder, or hub id in the cache, that the server has loaded; it is checked to be the client's.

        Raises:
            UserError: another kind of folder, another version of this one, a file that is missing or broken, another backbone, or a
                device that is not there.
        """
        quieten()
        folder, device = Path(folder), str(usable_device(device))
        if (folder / "adapter_config.json").is_file():
            raise UserError(f"{folder} is a peft adapter folder; load it with peft.PeftModel.from_pretrained")
        try:
            about = load_json(folder / "client.json")
        except UserError as error:
            raise UserError(f"{folder} is not a whole soft-prompt client: {error}") from None
        with _whole(folder):
            if about["format"] != CLIENT_FORMAT:
                raise UserError(
                    f"{folder}: client.json has format {about['format']}, this version reads {CLIENT_FORMAT}"
                )
            if backbone is not None and not locate(str(backbone), None, True, "backbone").is_known_as(about["weights"]):
                raise UserError(
                    f"backbone={backbone}: other weights than {about['model']}, of which {folder} is a client"
                )
            check_client(folder, about)
            with files.searching(conf_path):
                method = client_method(about)
            shape = Shape(**about["shape"])
            read = about["kind"], about["max_length"], about["encoder_max_length"]
            weights = load_file(folder / "client.safetensors", device)
            tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
            encoder = encoder_tokenizer = None
            if about["reads_instance"]:
                encoder = AutoModel.from_pretrained(folder / "encoder", dtype="auto").eval().to(device)
                encoder_tokenizer = AutoTokenizer.from_pretrained(folder / "encoder")
        parts = Parts(method.parts(shape))  # what a method of one's own raises here is no fault of the folder
        with _whole(folder):
            embedding = weights.pop("embedding")
            parts.load_state_dict({name.removeprefix("parts."): value for name, value in weights.items()})
        return cls(method, *read, parts, embedding, tokenizer, encoder, encoder_tokenizer)

    @torch.no_grad()
    def features(self, texts: Sequence[str]) -> Tensor | None:
        """f(x), [B, E]; None if the prompt is the same for every instance."""
        return self._features(texts, *self._embedded(texts)[1:])

    def _features(self, texts: Sequence[str], mask: Tensor, embeds: Tensor) -> Tensor | None:
        pooling = self.method.features_from
        if pooling is None:
            return self.method.features_of_input(self.parts, embeds.float(), mask.bool())
        ids, mask = pad(self._encoder_tokens(texts), self.encoder_tokenizer.pad_token_id)
        ids, mask = ids.to(self.encoder.device), mask.to(self.encoder.device)
        return pool(self.encoder(input_ids=ids, attention_mask=mask)[0].float(), mask, pooling)

    @torch.no_grad()
    def prompt(self, texts: Sequence[str]) -> Tensor:
        """Texts -> their soft prompts Z, [B, M, D]."""
        return self.method.prompt(self.parts, self.features(texts), len(texts))

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Request:
        """Texts -> what the server is asked. A masked LM's text says `<mask>` where the answer is read."""
        ids, mask, embeds = self._embedded(texts)
        prompt = self.method.prompt(self.parts, self._features(texts, mask, embeds), len(texts)).to(embeds.dtype)
        update = self.method.embedding_update(self.parts, embeds.float(), (mask.cumsum(1) - 1).clamp(min=0))
        if update is not None:
            embeds = embeds + (update * mask.unsqueeze(-1)).to(embeds.dtype)
        position = self.method.position
        joined, attended = join(prompt, embeds, mask, position)
        return Request(joined, attended, ids, places(mask, prompt.shape[1], position)[:, prompt.shape[1] :])

    def _embedded(self, texts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens and their mask, [B, T], and their word embeddings, [B, T, D]."""
        _check_texts(texts, self.kind)
        ids, mask = pad(self._tokens(texts), self.tokenizer.pad_token_id)
        ids, mask = ids.to(self.embedding.device), mask.to(self.embedding.device)
        return ids, mask, self.embedding[ids]

    def complete(
        self,
        texts: Sequence[str],
        url: str,
        max_tokens: int = 16,
        stop: str | Sequence[str] = (),
        *,
        model: str | None = None,
        temperature: float = 0.0,
        api_key: str | None = None,
        **settings: Any,
    ) -> list[str]:
        """What a server of the OpenAI Completions form (vLLM with ``--enable-prompt-embeds``) writes after each text, in order.

        Args:
            url: ``http://127.0.0.1:8000/v1``. max_tokens, stop, temperature and `settings` (top_p, seed, …): as of the API,
                but `n`: one text is written after each.
            model: the name under which it is served; None leaves that to the server. api_key: as of ``vllm serve --api-key``.

        Raises:
            UserError: a masked LM's client, several samples, or a request that the server refuses. RunFailed: no server answers.
        """
        if self.kind != "causal":
            raise UserError("complete: a masked LM writes no text; ask its logits at <mask> (docs/serving.md)")
        if settings.get("n", 1) != 1:
            raise UserError(f"n={settings['n']}: one text is written after each; ask again with another seed for more")
        prompts = [row[kept.bool()] for row, kept in zip(*self.embed(texts)[:2], strict=True)]
        stops = [stop] if isinstance(stop, str) else list(stop)
        asked = {"max_tokens": max_tokens, "temperature": temperature, "stop": stops, **settings}
        return complete(url, prompts, asked if model is None else {"model": model, **asked}, api_key)

    def _encoder_tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """What the instance encoder reads, cut as in the run; that some are is a warning."""
        most, side = self.encoder_max_length, "left" if self.kind == "causal" else "right"
        tokens = encoder_ids(self.encoder_tokenizer, texts, most + 1, side)
        if cut := sum(len(ids) > most for ids in tokens):
            _warn_of_cut(cut, len(texts), f"the instance encoder read (encoder_max_length={most}")
            return encoder_ids(self.encoder_tokenizer, texts, most, side)
        return tokens

    def _tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """Cut as the run's own inputs were; that some are is a warning."""
        whole: list[Any] = (
            token_ids(self.tokenizer, [masked(self.tokenizer, text) for text in texts])
            if self.kind == "masked"
            else [row_ids(self.tokenizer, text) for text in texts]
        )
        if not (cut := sum(len(ids) > self.max_length for ids in whole)):
            return whole
        _warn_of_cut(cut, len(texts), f"the run read (max_length={self.max_length}")
        if self.kind == "masked":
            return cloze_ids(self.tokenizer, texts, self.max_length)
        return [ids[-self.max_length :] for ids in whole]


def _warn_of_cut(count: int, texts: int, read: str) -> None:
    warnings.warn(f"{count} of {texts} texts have more tokens than {read} in client.json) and were cut", stacklevel=5)


def _check_texts(texts: Sequence[str], kind: str) -> None:
    """Raise `UserError` for what is no list of texts, or a text that does not say where a masked LM's answer is read."""
    if isinstance(texts, str) or not texts or not all(isinstance(text, str) for text in texts):
        raise UserError(f"texts={texts!r:.60}: a list of one or more strings is needed")
    for text in texts:
        if half_a_pair(text):
            raise UserError(f"texts: {text!r:.60} holds half of a surrogate pair, which no tokenizer takes")
        if kind == "masked" and MASK not in text:
            raise UserError(f"texts: {text!r:.60} has no {MASK}, where the answer is read")
