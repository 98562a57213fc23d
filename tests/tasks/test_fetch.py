"""Fetching from a real HTTP server that cuts, corrupts, loses and dribbles."""

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lopa_bench.cli.main import main
from lopa_bench.tasks.fetch import download, files
from lopa_bench.tasks.fetch.derive import HOW
from lopa_bench.tasks.fetch.files import files_of, sources
from lopa_bench.tasks.known import known, names

ROWS = {str(i): {"text_a": f"Is it {i}?", "text_b": "It is ‘ü’.", "label": "0"} for i in range(4000)}
PLAIN = "".join(f"{i}\tthe cat\tsits\tentailment\n" for i in range(9000)).encode()
NUMBERED = json.dumps(ROWS, indent=4).encode()


def head(handler, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def endless(handler):
    head(handler)
    while True:
        handler.wfile.write(PLAIN)


def dribble(handler):
    """A byte at a time, each in time for the next one to be waited for."""
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def dribbled_body(handler):
    head(handler, Content_Length=str(len(PLAIN)))
    dribble(handler)


def dribbled_header(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    dribble(handler)


def malformed_length(handler):
    head(handler, Content_Length="many")
    handler.wfile.write(PLAIN)


def long_number(handler):
    head(handler, Content_Length="9" * 5000)
    handler.wfile.write(PLAIN)


UNRULY = {
    "416": lambda handler: handler.send_error(416),
    "a circle": lambda handler: head(handler, 302, Location=handler.path),
    "another size": lambda handler: head(handler, Content_Length=str(len(PLAIN) + 1)),
    "endless": endless,
    "dribbled body": dribbled_body,
    "dribbled header": dribbled_header,
    "malformed length": malformed_length,
    "long number": long_number,
}


class Server(BaseHTTPRequestHandler):
    """Files by path. `faults` are applied to requests, first come first served: the bytes after which the connection ends, or a word."""

    files: dict = {}
    faults: list = []
    requests: list = []

    def do_GET(self):
        name, wanted = self.path.strip("/"), self.headers.get("Range")
        self.requests.append((name, wanted))
        fault = self.faults.pop(0) if self.faults else None
        if fault in UNRULY:
            with contextlib.suppress(OSError):  # whoever asked has gone
                UNRULY[fault](self)
            return None
        if name not in self.files:
            return self.send_error(404)
        content = self.files[name]
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and fault != "no ranges" else 0
        if start >= len(content):
            return self.send_error(416)
        if fault == "corrupt":
            content = content[:-9] + b"x" * 9
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        sent = content[start : start + fault] if isinstance(fault, int) else content[start:]
        for at in range(0, len(sent), 1 << 14):
            self.wfile.write(sent[at : at + (1 << 14)])
            if fault == "slow":
                time.sleep(0.05)
        if isinstance(fault, int):
            self.wfile.flush()
            self.connection.close()
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    Server.files, Server.faults, Server.requests = {"o/r/c/train.tsv": PLAIN, "o/r/c/train.json": NUMBERED}, [], []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setattr(files, "ORIGIN", f"http://127.0.0.1:{running.server_port}")
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    yield Server
    running.shutdown()


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def rte(server, monkeypatch, tmp_path):
    """`lopa-bench fetch rte` brings one file as it is, `fetch qnli` one that is made from another."""
    made = HOW["numbered_rows"](NUMBERED)
    plain = {"sha256": digest(PLAIN), "bytes": [len(PLAIN)], "from": {"o/r/c/train.tsv": digest(PLAIN)}}
    derived = {"sha256": digest(made), "derive": "numbered_rows", "from": {"o/r/c/train.json": digest(NUMBERED)}}
    known = {"glue/RTE/train.tsv": plain, "glue/QNLI/subset_train.jsonl": derived}
    monkeypatch.setattr(files, "sources", lambda: known)
    return lambda *words: main(["fetch", "rte", f"data.dir={tmp_path}", *words])


def test_fetched_once(rte, server, tmp_path, capsys):
    assert rte() == 0
    assert (tmp_path / "glue/RTE/train.tsv").read_bytes() == PLAIN
    assert rte() == 0
    assert "0 of them fetched now" in capsys.readouterr().out
    assert server.requests == [("o/r/c/train.tsv", None)]
    assert [p.name for p in (tmp_path / ".fetch").iterdir()] in ([], ["lock"])


def test_a_broken_connection_is_gone_on_with(rte, server, tmp_path):
    server.faults += [100_000, 50_000]
    assert rte() == 0
    assert (tmp_path / "glue/RTE/train.tsv").read_bytes() == PLAIN
    ranges = [wanted for _, wanted in server.requests]
    assert ranges[0] is None
    starts = [int(wanted.split("=")[1].rstrip("-")) for wanted in ranges[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] < len(PLAIN)


def test_what_has_arrived_is_kept_for_the_next_command(rte, server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.faults += [100_000, 0]
    assert rte() == 1
    error = capsys.readouterr().err
    assert "bytes are kept, the same command goes on from there" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "glue/RTE/train.tsv").exists()
    assert rte() == 0
    assert server.requests[-1][1].startswith("bytes=")
    assert (tmp_path / "glue/RTE/train.tsv").read_bytes() == PLAIN


def test_a_server_without_ranges_starts_anew(rte, server, tmp_path):
    server.faults += [100_000, "no ranges"]
    assert rte() == 0
    assert (tmp_path / "glue/RTE/train.tsv").read_bytes() == PLAIN


def test_a_corrupt_file_is_never_put_in_place(rte, server, tmp_path, capsys):
    server.faults += ["corrupt"]
    assert rte() == 1
    assert "the content has SHA-256" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.tsv*"))
    assert rte() == 0


def test_a_wrong_beginning_is_fetched_anew(rte, server, tmp_path):
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / f"{digest(PLAIN)[:12]}-train.tsv.part").write_bytes(b"something else")
    assert rte() == 0
    assert (tmp_path / "glue/RTE/train.tsv").read_bytes() == PLAIN


def test_a_missing_file_names_every_address_tried(rte, server, capsys):
    server.files = {}
    assert rte("mirror=http://127.0.0.1:9/data") == 1
    error = capsys.readouterr().err
    assert "http://127.0.0.1:9/data/o/r/c/train.tsv: cannot be reached" in error
    assert "o/r/c/train.tsv: 404" in error
    assert "put each under its name" in error


def test_a_mirror_is_asked_first(rte, server):
    mirror = files.ORIGIN + "/mirror"
    server.files = {"mirror/o/r/c/train.tsv": PLAIN}
    assert rte(f"mirror={mirror}") == 0
    assert [name for name, _ in server.requests] == ["mirror/o/r/c/train.tsv"]


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(rte, server, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(download, "TIMEOUT", (0.5, 0.5))
    server.faults += ["slow"]  # 0.9 s in all
    assert rte() == 0
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        monkeypatch.setattr(files, "ORIGIN", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert main(["fetch", "qnli", f"data.dir={tmp_path}"]) == 1
    assert "no answer in time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("416", "416"),
        ("a circle", "redirects"),
        ("another size", "bytes, not"),
        ("endless", "bytes of the file arrive"),
        ("dribbled body", "slower than"),
        ("dribbled header", "no answer in time"),
    ],
)
def test_an_unruly_server_is_one_line_in_a_bounded_time(rte, server, tmp_path, capsys, monkeypatch, fault, says):
    wait = 0.2 if says == "no answer in time" else 2.5  # else a busy machine's own pause is one
    monkeypatch.setattr(download, "TIMEOUT", (wait, wait))
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    monkeypatch.setattr(download, "SLOWEST", 1 << 24)
    server.faults += [fault] * 40
    started = time.monotonic()
    assert rte() == 1
    assert time.monotonic() - started < 20  # the server itself would take longer, or for ever
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("*.tsv"))


@pytest.mark.parametrize("fault", ["malformed length", "long number"])
def test_a_length_that_is_none_is_passed_over(rte, server, tmp_path, fault):
    server.faults += [fault]
    assert rte() == 0
    assert (tmp_path / "glue/RTE/train.tsv").read_bytes() == PLAIN


def test_a_beginning_that_is_longer_than_the_file_is_not_gone_on_with(rte, server, tmp_path):
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / f"{digest(PLAIN)[:12]}-train.tsv.part").write_bytes(PLAIN + b"more")
    assert rte() == 0
    assert server.requests == [("o/r/c/train.tsv", None)]


def test_what_comes_to_nothing_leaves_nothing_behind(rte, server, tmp_path, capsys):
    server.files = {}
    for words in (["data.dir=" + str(tmp_path / "a/b")], ["offline=true", "data.dir=" + str(tmp_path / "a/b")]):
        assert main(["fetch", "rte", *words]) in (1, 2)
    assert list(tmp_path.iterdir()) == []
    assert main(["fetch", "rte", f"data.dir={tmp_path}"]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 300, "file/below", "/dev/null", "/proc/none"])
def test_a_folder_that_cannot_be_is_one_line(rte, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["fetch", "rte", f"data.dir={name}"]) == 2
    error = capsys.readouterr().err
    assert f"data.dir={name}" in error
    assert "cannot be written" in error or "too long for a file system" in error
    assert error.count("\n") == 1


def test_a_pipe_in_a_files_place_is_not_read(rte, tmp_path, capsys):
    (tmp_path / "glue/RTE").mkdir(parents=True)
    os.mkfifo(tmp_path / "glue/RTE/train.tsv")
    assert rte() == 2
    assert "is a pipe, not a file" in capsys.readouterr().err


def test_part_of_a_file_in_its_place_is_refused(rte, tmp_path, capsys):
    target = tmp_path / "glue/RTE/train.tsv"
    target.parent.mkdir(parents=True)
    target.write_bytes(PLAIN[:1000])
    assert rte() == 2
    assert "is another file than fetch brings, or a part of it (1,000 bytes" in capsys.readouterr().err
    assert target.read_bytes() == PLAIN[:1000]


def test_a_file_made_from_another(rte, server, tmp_path):
    assert main(["fetch", "qnli", f"data.dir={tmp_path}"]) == 0
    first = json.loads((tmp_path / "glue/QNLI/subset_train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first == {"idx": 0, **ROWS["0"]}
    assert not list((tmp_path / ".fetch").glob("*.json"))


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", None])
def test_offline_asks_no_server(rte, server, tmp_path, capsys, monkeypatch, switch):
    if switch:
        monkeypatch.setenv(switch, "1")
    assert rte(*([] if switch else ["offline=true"])) == 2
    error = capsys.readouterr().err
    assert "glue/RTE/train.tsv missing" in error
    assert (f"{switch}=1" if switch else "offline=true") in error
    assert f"put each under its name, as {tmp_path / 'glue/RTE/train.tsv'} (o/r/c/train.tsv below " in error
    assert "or, when a server may be asked, give mirror=URL" in error
    assert error.count("\n") == 1
    assert server.requests == []


@pytest.mark.parametrize(
    ("words", "says"),
    [(["rtee"], "nearest: task=rte"), (["data.dri=x"], "nearest: data.dir"), (["offline=no"], "true or false")],
)
def test_bad_input(words, says, capsys):
    assert main(["fetch", *words]) == 2
    assert says in capsys.readouterr().err


def test_every_task_can_be_fetched():
    for task in names():
        assert bool(files_of(task)) != known(task).is_own, task
    for name, source in sources().items():
        assert len(source["sha256"]) == 64, name
        assert len(source["bytes"]) == len(source["from"]), name
        assert source.get("derive", "numbered_rows") in HOW
        for path in source["from"]:
            assert len(path.split("/")[2]) == 40, path  # a commit, not a branch


def test_the_real_files(server, shared_data, tmp_path):
    """Every file that is fetched as it is, from a server that has it under the origin's path."""
    whole = {name: s for name, s in sources().items() if "derive" not in s}
    server.files = {path: (shared_data / "data" / name).read_bytes() for name, s in whole.items() for path in s["from"]}
    server.faults += [200_000, None, 50_000]
    tasks = ["rte", "sst2", "mbpp", "cruxeval_i", "e2e"]
    assert main(["fetch", *tasks, f"data.dir={tmp_path}"]) == 0
    for name in {name for task in tasks for name in files_of(task)}:
        assert (tmp_path / name).read_bytes() == (shared_data / "data" / name).read_bytes()


def test_the_real_files_are_those_of_the_sources(shared_data):
    for name, source in sources().items():
        assert download.sha256(shared_data / "data" / name) == source["sha256"], name
        if "derive" not in source:
            assert [(shared_data / "data" / name).stat().st_size] == source["bytes"], name
