"""The OpenAI Completions form in which vLLM takes embeddings in place of a text (``vllm serve … --enable-prompt-embeds``).

Source: https://docs.vllm.ai/en/stable/features/prompt_embeds/ . A request holds embeddings and no text: vLLM answers requests that mix the
two wrongly (vllm-project/vllm#56655).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
import torch
from torch import Tensor

from lopa_bench.errors import RunFailed, UserError

SECONDS = 600.0  # that a server may take to answer


def complete(
    url: str, prompts: Sequence[Tensor], settings: dict[str, Any], api_key: str | None = None, seconds: float = SECONDS
) -> list[str]:
    """What the server writes after each prompt, in order.

    Args:
        url: of the API, with its version: ``http://127.0.0.1:8000/v1``. prompts: embedded inputs [T, D], each of its own length.
        settings: of the request: max_tokens, temperature, stop, …

    Raises:
        RunFailed: there is no such server, or it does not answer. UserError: no address, a refused request, or an answer in another form.
    """
    try:
        address = urlsplit(url)
        sound = address.scheme in {"http", "https"} and bool(address.netloc) and address.port != 0
    except ValueError:  # half of an IPv6 address, a port that is no number or above 65,535
        sound = False
    if not sound:
        raise UserError(f"url={url}: not the address of a server, as http://127.0.0.1:8000/v1 is one")
    body = {**settings, "prompt_embeds": [encoded(prompt) for prompt in prompts]}
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    try:
        answer = requests.post(f"{url.rstrip('/')}/completions", json=body, headers=headers, timeout=seconds)
    except requests.RequestException as error:
        raise RunFailed(
            f"url={url}: no answer ({type(error).__name__}); is `vllm serve … --enable-prompt-embeds` there?"
        ) from error
    if not answer.ok:
        raise UserError(f"url={url}: refused with status {answer.status_code} ({_told(answer)})")
    try:
        given = [(int(choice["index"]), str(choice["text"])) for choice in answer.json()["choices"]]
        if sorted(number for number, _ in given) != list(range(len(prompts))):
            raise ValueError(f"{len(given)} texts")
        return [text for _, text in sorted(given)]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"url={url}: its answer has not {len(prompts)} texts, one a prompt, in the form of OpenAI's Completions"
        ) from error


def encoded(prompt: Tensor) -> str:
    """[T, D] -> what ``torch.save`` writes of it, in base64."""
    file = io.BytesIO()
    torch.save(prompt.detach().cpu().clone(), file)  # a clone: a part of a tensor would be saved with all of it
    return base64.b64encode(file.getvalue()).decode()


def _told(answer: requests.Response) -> str:
    """The server's own words, in one line."""
    try:
        found = answer.json()
        text = str(found.get("error", found).get("message", found))
    except (ValueError, AttributeError):
        text = answer.text
    return " ".join(text.split())[:300] or answer.reason
