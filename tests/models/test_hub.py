"""Models of the hub, from a server on the loopback that answers as the hub does."""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMIT = "a" * 40
OWN_CODE = {"model_type": "sage", "architectures": ["Sage"], "auto_map": {"AutoModel": "modeling_sage.Sage"}}


class Hub(BaseHTTPRequestHandler):
    """`tests/NAME` is the folder `models[NAME]`; `tests/gated` may not be read, anything else is not there."""

    models: dict = {}
    served: list = []

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        if self.path == "/":
            return self.answer(200, b"")
        path = self.path.strip("/").removeprefix("api/models/").split("?")[0]
        name, rest = path.split("/")[1], path.split("/")[2:]
        if name == "gated":
            return self.answer(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
        if name not in self.models:
            return self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        folder, revision = self.models[name], rest[1] if len(rest) > 1 else "main"
        if revision not in ("main", COMMIT):
            return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        if rest[:1] == ["tree"]:
            files = [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0"} for p in folder.iterdir()]
            return self.answer(200, json.dumps(files).encode())
        if rest[:1] != ["resolve"]:
            siblings = [{"rfilename": p.name} for p in folder.iterdir()]
            return self.answer(200, json.dumps({"id": f"tests/{name}", "sha": COMMIT, "siblings": siblings}).encode())
        file = folder / rest[2]
        if not file.is_file():
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        if body:
            self.served.append(file.name)
        return self.answer(200, file.read_bytes(), {"X-Repo-Commit": COMMIT, "ETag": f'"{file.name}"'}, body)

    def answer(self, status, content, headers=(), body=True):
        self.send_response(status)
        for key, value in {**dict(headers), "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body and self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tiny_models, tmp_path):
    """Environment for a process that takes this server for the hub, with an empty cache."""
    sage = tmp_path / "sage"
    sage.mkdir()
    (sage / "config.json").write_text(json.dumps(OWN_CODE))
    Hub.models, Hub.served = {"tiny": tiny_models("roberta"), "sage": sage}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept = {
        key: value for key, value in os.environ.items() if not key.endswith("_OFFLINE") and "proxy" not in key.lower()
    }
    yield {**kept, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "cache")}
    server.shutdown()


def lopa_bench(environment, *overrides, start="sys.exit(main(sys.argv[1:]))"):
    """A process of its own: the hub's client reads the environment when it is imported."""
    code = f"import sys; from lopa_bench.cli.main import main; {start}"
    return subprocess.run(
        [sys.executable, "-c", code, *overrides], env=environment, capture_output=True, text=True, check=False
    )


COMPLETE = """
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.models.hub import complete
from lopa_bench.models.files import locate
try:
    print(complete(load_config(sys.argv[1:])), 'torch' in sys.modules)
except UserError as error:
    sys.exit(str(error))
"""


def complete(environment, *overrides):
    return lopa_bench(environment, "scale=paper", "task=rte", "model=local", *overrides, start=COMPLETE)


@pytest.mark.slow
def test_a_model_is_downloaded_once_and_then_needs_no_network(hub, run_overrides, tmp_path):
    model = ["model=local", "model.path=tests/tiny", "model.revision=main"]
    assert complete(hub, *model).stdout == "True False\n"
    assert "model.safetensors" in Hub.served
    Hub.served.clear()
    assert complete(hub, *model).stdout == "False False\n"
    hub["HF_ENDPOINT"] = "http://127.0.0.1:9"  # nobody there
    own = [word for word in run_overrides(tmp_path / "results") if not word.startswith("model")]
    done = lopa_bench(hub, *own, *model, "method=lopa", "offline=true")
    assert done.returncode == 0, done.stderr
    (result,) = (tmp_path / "results").rglob("result.json")
    assert "@" not in json.loads(result.read_text())["config"]["model"]["weights"]  # told by content, not by name
    assert Hub.served == []


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["model.path=tests/gated"], "tests/gated is gated: accept its licence"),
        (["model.path=tests/nobody"], "model.path=tests/nobody: there is no such model on the hub"),
        (["model.path=tests/tiny", "model.revision=v9"], "it has no revision v9"),
        (
            ["model.path=tests/tiny", "model.encoder=tests/sage"],
            "modeling_sage.py), which is not run by default; read it",
        ),
    ],
)
def test_a_refusal_is_one_line(hub, overrides, says):
    done = complete(hub, *overrides)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_weights_of_untrusted_code_are_not_even_downloaded(hub):
    complete(hub, "model.path=tests/tiny", "model.encoder=tests/sage")
    assert set(Hub.served) == {"config.json"}


def test_no_network(hub):
    hub["HF_ENDPOINT"] = "http://127.0.0.1:9"
    done = complete(hub, "model.path=tests/tiny")
    assert "model.path=tests/tiny is not in the hub cache, and the hub cannot be reached" in done.stderr


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", None])
def test_offline_says_all_that_is_missing_at_once(hub, switch):
    hub["HF_ENDPOINT"] = "http://192.0.2.1"  # would hang
    started = time.perf_counter()
    words = ["scale=paper", "task=cruxeval_o", "method=lopa", *([] if switch else ["offline=true"])]
    done = lopa_bench({**hub, **({switch: "1"} if switch else {})}, *words)
    assert time.perf_counter() - started < 9  # one attempt to connect takes ten
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    for part in (
        "model.path=microsoft/phi-2",
        "model.encoder=microsoft/codebert-base",
        "cruxeval_o is not in the data",
    ):
        assert part in done.stderr
    assert (f"{switch}=1" if switch else "offline=true") in done.stderr


def test_a_folder_is_told_by_its_tokenizer_and_every_weight(tmp_path):
    from lopa_bench.models.files import locate

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    weights = bytearray(5 << 20)
    (folder / "model.safetensors").write_bytes(weights)
    told = [locate(str(folder), None, True).fingerprint()]
    weights[1 << 20] = 1  # one bias
    (folder / "model.safetensors").write_bytes(weights)
    told.append(locate(str(folder), None, True).fingerprint())
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (folder / name).write_text("{}")
        told.append(locate(str(folder), None, True).fingerprint())
    assert len(set(told)) == 5
