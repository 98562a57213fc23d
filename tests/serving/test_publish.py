"""An export with its card on the hub: a stand-in of the hub's API takes the commit of its own client, and what it holds works."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from huggingface_hub import ModelCard, constants
from running import complaints
from safetensors import SafetensorError

from lopa_bench.cli.export import export
from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.methods.lopa import Lopa
from lopa_bench.report.card import _command, _dataset
from lopa_bench.run.story import run
from lopa_bench.serving.client import SoftPromptClient
from lopa_bench.tasks.known import known


class Hub(BaseHTTPRequestHandler):
    """The requests of `create_repo` and `upload_folder`, with every file sent in the commit itself."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != "Bearer hf_standin":
            return self.answer({"error": "Invalid username or password."}, 401)
        if self.path == "/api/validate-yaml":  # of the card's head
            return self.answer({"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            self.server.created = json.loads(body)
            return self.answer({"url": f"{self.server.url}/me/rte-lopa"})
        if self.path == "/api/models/me/rte-lopa/preupload/main":
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self.answer({"files": files})
        if self.path == "/api/models/me/rte-lopa/commit/main":
            lines = [json.loads(line) for line in body.splitlines()]
            self.server.message = next(line["value"]["summary"] for line in lines if line["key"] == "header")
            for file in (line["value"] for line in lines if line["key"] == "file"):
                self.server.files[file["path"]] = base64.b64decode(file["content"])
            return self.answer({"commitUrl": f"{self.server.url}/me/rte-lopa/commit/1", "commitOid": "1"})
        return self.answer({"error": f"{self.path} is not known here"}, 404)

    def do_GET(self):
        files = [{"type": "file", "path": name, "size": 1, "oid": "0"} for name in self.server.there]
        self.answer(files if "/tree/" in self.path else {"id": "me/rte-lopa", "siblings": []})

    def answer(self, body, status=200):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.url, server.files, server.there = f"http://127.0.0.1:{server.server_port}", {}, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_standin")
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def finished(run_overrides, tmp_path_factory):
    """Two seeds of a small run."""
    results = tmp_path_factory.mktemp("results")
    outcomes = [run(load_config([*run_overrides(results), "method=lopa", f"seed={seed}"])) for seed in (0, 1)]
    return outcomes[0].directory.path, [outcome.result for outcome in outcomes]


def test_what_is_pushed_is_what_was_exported(finished, hub, tmp_path, capsys):
    directory, _ = finished
    words = [f"run={directory}", f"to={tmp_path / 'out'}", "push=me/rte-lopa", "licence=apache-2.0"]
    assert main(["export", *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{hub.url}/me/rte-lopa/commit/1"
    assert (hub.created["name"], hub.created["organization"], hub.created["visibility"]) == (
        "rte-lopa",
        "me",
        "private",
    )
    on_disk = {
        str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert hub.files == on_disk
    for name, content in hub.files.items():
        (tmp_path / "pulled" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pulled" / name).write_bytes(content)
    text = ["the dog eats . It was <mask> ."]
    ours, theirs = (SoftPromptClient.load(tmp_path / folder).prompt(text) for folder in ("out", "pulled"))
    assert ours.equal(theirs)


def test_another_export_is_not_mixed_with(finished, hub, tmp_path, capsys):
    """peft would load its adapter_config.json under the new card."""
    hub.there = [".gitattributes", "README.md", "client.json", "adapter_config.json"]
    assert main(["export", f"run={finished[0]}", f"to={tmp_path / 'out'}", "push=me/rte-lopa"]) == 1
    assert "push=me/rte-lopa: it has adapter_config.json of another export" in capsys.readouterr().err
    assert hub.files == {}
    hub.there.remove("adapter_config.json")
    assert main(["export", f"run={finished[0]}", f"to={tmp_path / 'again'}", "push=me/rte-lopa"]) == 0


def _told(data, **setting):
    """A result with this `data` of a run on RTE."""
    return SimpleNamespace(task="rte", reported_split="test", data=SimpleNamespace(**data), **setting)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"source": "mini", "files": None}, ("lopa-bench-mini-rte", None, "test")),
        ({"source": "hub", "files": None}, ("nyu-mll/glue", "rte", "validation")),
        ({"source": "files", "files": {"test": "glue/RTE/dev.tsv"}}, ("nyu-mll/glue", "rte", "validation")),
        ({"source": "files", "files": {"test": "mine.csv"}}, ("rte", None, "test")),
    ],
    ids=["embedded", "hub", "files", "own"],
)
def test_the_card_names_the_rows_that_were_scored(data, named):
    """Synthetic ones are no score on RTE in the hub's index, and GLUE's dev rows are its validation split."""
    found = _dataset(_told(data), known("rte"))
    assert (found["dataset_type"], found.get("dataset_config"), found["dataset_split"]) == named


def test_a_named_model_in_a_folder_keeps_its_name_in_the_command():
    """As model=local it would lose what its name says: its encoder, its precision."""
    result = _told({"source": "hub"}, method="lopa", model="gpt2_medium", scale="paper", seed=0)
    command = _command(result, SimpleNamespace(differs=("scale=paper", "train.lr=0.1")), ["models.dir=DIR"])
    assert command == (
        "lopa-bench task=rte method=lopa model=gpt2_medium models.dir=DIR scale=paper seed=0 train.lr=0.1"
    )


def test_the_card_says_what_the_results_say(finished, tmp_path):
    directory, results = finished
    assert main(["export", f"run={directory}", f"to={tmp_path / 'out'}", "card=true", "licence=mit"]) == 0
    card = ModelCard.load(tmp_path / "out/README.md")
    (said,) = card.data.eval_results
    assert said.metric_value == pytest.approx(results[0].score, abs=1e-4)
    assert card.data.license == "mit"
    one, other = (result.score for result in results)
    mean, deviation = (one + other) / 2, abs(one - other) / 2**0.5
    text = card.content
    assert f"{one:.2f}; mean {mean:.2f} ± {deviation:.2f} over 2 seeds" in text
    assert f"{results[0].parameters.paper:,} as the paper counts" in text
    assert all(value in text for value in results[0].data.fingerprints.values())
    assert "lopa-bench task=rte method=lopa model=local model.path=DIR scale=mini seed=0 " in text
    assert str(tmp_path.parents[1]) not in text  # nothing of this machine


def test_where_the_card_cannot_be_made_the_folder_is_as_it_was(finished, tmp_path, monkeypatch, capsys):
    directory, _ = finished

    def card(*_):
        raise UserError("conf/ has no method=mine")

    monkeypatch.setattr("lopa_bench.report.card.card", card)
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        assert main(["export", f"run={directory}", f"to={tmp_path / name}", "card=true"]) == 2
        assert "conf/ has no method=mine" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert not any((tmp_path / "empty").iterdir())


def test_what_cannot_be_pushed_is_one_line_before_anything_is_written(finished, hub, tmp_path, monkeypatch, capsys):
    directory, _ = finished

    def told(*words):
        assert main(["export", f"run={directory}", f"to={tmp_path / 'out'}", *words]) in (1, 2)
        text = capsys.readouterr().err
        assert len(complaints(text)) == 1
        return text

    assert "give push=OWNER/NAME" in told("push=rte-lopa")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE=1 forbids the network" in told("push=me/rte-lopa")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert "nobody is logged in" in told("push=me/rte-lopa")
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert "sends it" in told("push=me/rte-lopa")  # the hub refuses; the folder stays
    assert (tmp_path / "out/client.json").is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device"), SafetensorError("full")])
def test_a_broken_off_export_leaves_nothing(finished, tmp_path, monkeypatch, error):
    run, _ = finished

    def half(self, model, config, folder):
        (folder / "client.json").write_text("{}")
        raise error

    monkeypatch.setattr(Lopa, "export", half)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else RunFailed):
        export(run, tmp_path / "there")
    assert not (tmp_path / "there").exists()
