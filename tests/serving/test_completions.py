"""Texts written by a server that holds the untouched backbone, asked with embeddings as vLLM is.

vLLM itself is not run here: the stand-in reads what its documentation says of the request, with the checks that its loader makes.
"""

import base64
import io
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.models.files import locate
from lopa_bench.run.harness.scoring import Scorer
from lopa_bench.serving.client import SoftPromptClient

MODEL = "mini:mini-clm"
TEXTS = ["The red cat is in the", "def f(a):\n    return", "There are two boxes . One"]


class Standin(BaseHTTPRequestHandler):
    """POST /v1/completions of vLLM, for greedy requests of embeddings alone."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body)
        try:
            assert self.path == "/v1/completions"
            assert self.headers.get("Authorization") == "Bearer secret", "Unauthorized"
            assert not {"prompt", "messages"} & set(body), "embeddings and text in one request"
            assert body["temperature"] == 0
            texts = [self.write(prompt, body) for prompt in body["prompt_embeds"]]
        except AssertionError as error:
            self.answer(400, {"error": {"message": str(error), "type": "BadRequestError"}})
        else:
            texts = [text for text in texts for _ in range(body.get("best_of", 1))]
            choices = [{"index": i, "text": text, "finish_reason": "length"} for i, text in enumerate(texts)]
            self.answer(
                200, {"object": "text_completion", "choices": choices[::-1]}
            )  # the index says which, not the place

    def write(self, prompt, body):
        content = base64.b64decode(prompt, validate=True)
        embeds = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        assert embeds.dtype in (torch.float32, torch.bfloat16, torch.float16)
        assert embeds.dim() == 2
        assert len(content) < embeds.nbytes + 4096, "more was sent than the tensor"
        model, tokenizer = self.server.model, self.server.tokenizer
        with self.server.lock, torch.no_grad():
            new = model.generate(
                inputs_embeds=embeds[None],
                attention_mask=torch.ones(1, len(embeds), dtype=torch.long),
                max_new_tokens=body["max_tokens"],
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        text = tokenizer.decode(new[0], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return min((text.split(word)[0] for word in body["stop"]), key=len, default=text)

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    folder = locate(MODEL, None, offline=True).source
    with ThreadingHTTPServer(("127.0.0.1", 0), Standin) as server:
        server.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        server.tokenizer, server.seen, server.lock = AutoTokenizer.from_pretrained(folder), [], threading.Lock()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def url(server):
    return f"http://127.0.0.1:{server.server_port}/v1"


def client_of(method, to):
    """What a client asks with, and what writes the same here."""
    config = tiny.settings(MODEL, method)
    model = tiny.perturbed(tiny.adapt(MODEL, method), scale=0.05)
    to.mkdir()
    config.method.export(model, config, to)
    return SoftPromptClient.load(to), Scorer(model, config)


def test_several_clients_at_once_are_answered_as_here(server, url, tmp_path):
    pairs = {method: client_of(method, tmp_path / method) for method in ("pt", "lopa", "dept")}
    with ThreadPoolExecutor(len(pairs)) as pool:
        asked = {
            method: pool.submit(client.complete, TEXTS, url, 6, ["."], model="mini", api_key="secret")
            for method, (client, _) in pairs.items()
        }
    written = {method: answer.result() for method, answer in asked.items()}
    expected = {method: here.texts(TEXTS, 6, ["."], {}) for method, (_, here) in pairs.items()}
    assert written == expected
    assert len({tuple(texts) for texts in written.values()}) > 1  # the prompts differ, the server does not
    body = server.seen[-1]
    assert set(body) == {"model", "max_tokens", "temperature", "stop", "prompt_embeds"}
    assert len(body["prompt_embeds"]) == len(TEXTS)


def test_a_stop_word_is_one_word(server, url, tmp_path):
    client, _ = client_of("pt", tmp_path / "pt")
    alone = client.complete(TEXTS, url, 6, "and", api_key="secret")
    assert server.seen[-1]["stop"] == ["and"]
    assert alone == client.complete(TEXTS, url, 6, ["and"], api_key="secret")


def test_what_a_server_says_is_one_line(url, tmp_path, tiny_models):
    client, _ = client_of("pt", tmp_path / "pt")
    with pytest.raises(UserError, match=r"refused with status 400 \(Unauthorized"):
        client.complete(TEXTS, url)
    with pytest.raises(UserError, match="embeddings and text in one request"):
        client.complete(TEXTS, url, api_key="secret", prompt="a")
    with pytest.raises(RunFailed, match=r"no answer \(ConnectionError\)"):
        client.complete(TEXTS, "http://127.0.0.1:9/v1")
    for address in ("foo", "ftp://127.0.0.1/v1", "http://", "http://[::1/v1", "http://127.0.0.1:99999/v1"):
        with pytest.raises(UserError, match=f"^url={re.escape(address)}: not the address of a server, as http://"):
            client.complete(TEXTS, address)
    with pytest.raises(UserError, match="n=2: one text is written after each"):
        client.complete(TEXTS, url, api_key="secret", n=2)
    with pytest.raises(UserError, match="its answer has not 3 texts, one a prompt"):
        client.complete(TEXTS, url, api_key="secret", best_of=2)
    config = tiny.settings(tiny_models("roberta"), "pt")
    (tmp_path / "masked").mkdir()
    config.method.export(tiny.adapt(tiny_models("roberta"), "pt"), config, tmp_path / "masked")
    with pytest.raises(UserError, match="a masked LM writes no text"):
        SoftPromptClient.load(tmp_path / "masked").complete(["a <mask>"], url)
