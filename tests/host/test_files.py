"""Files of users are read with bounds; files of ours are there whole or not at all, with the mode that the umask leaves."""

import gzip
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host import files, signals
from lopa_bench.host.files import existing, make_folder


def read(path):
    started = time.monotonic()
    try:
        return files.read_bytes(path)
    finally:
        assert time.monotonic() - started < 1


def test_a_regular_file_is_read_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert read(tmp_path / "a") == b"x" * 100
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read(tmp_path / "b") == b"x" * 100
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"y" * 100))
    assert read(tmp_path / "a.gz") == b"y" * 100


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/random", "/dev/null", "/dev/stdin"])
def test_a_device_is_refused_at_once(device):
    with pytest.raises(UserError, match=f"{device}: (is a device, not a file|is a pipe|No such)"):
        read(Path(device))


def test_pipes_sockets_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: is a pipe, not a file"):
        read(tmp_path / "pipe")
    with pytest.raises(UserError, match="is a folder, not a file"):
        read(tmp_path)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "door"))
        with pytest.raises(UserError, match="door: "):
            read(tmp_path / "door")


@pytest.mark.parametrize(
    ("name", "says"), [("absent", "No such file"), ("x" * 300, "File name too long"), ("a\0b", "null byte")]
)
def test_what_cannot_be_opened_is_one_line(tmp_path, name, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path / name)


def test_the_size_is_bounded(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(files.LARGEST + 1)
    with pytest.raises(UserError, match=r"sparse: 1,073,741,825 bytes, more than the 1,073,741,824 that are read"):
        read(tmp_path / "sparse")


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="no /proc")
def test_a_file_without_an_end_is_bounded():
    with pytest.raises(UserError, match="more than the 1,000 bytes"):
        files.read_bytes(Path("/proc/self/pagemap"), largest=1000)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 1 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(1 << 24)))
    with pytest.raises(UserError, match=r"bomb\.gz: more than the 1,048,576 bytes"):
        read(tmp_path / "bomb.gz")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"text" * 1000)[:-9])
    with pytest.raises(UserError, match=r"cut\.gz: a damaged \.gz"):
        read(tmp_path / "cut.gz")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, b"\xff\xfe{", b"\x80", '{"a": 1, "a": 2}', "[1e999]"],
    ids=lambda text: str(text)[:9],
)
def test_json_that_is_none_is_one_line(text):
    with pytest.raises(UserError, match=r"^a\.json: .*JSON") as error:
        files.parse_json(text, "a.json")
    assert "\n" not in str(error.value)
    assert "set_int_max_str_digits" not in str(error.value)


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o002])
def test_the_umask_is_respected(tmp_path, umask):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "a", "text")
        files.write_text(tmp_path / "a", "again")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_takes_the_place_of_a_folder_a_pipe_or_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(UserError, match="not a file"):
            files.write_text(path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    assert Path("/dev/null").is_char_device()


def test_a_failed_write_leaves_what_was_there(tmp_path):
    files.write_text(tmp_path / "a", "old")

    def half():
        with files.writing(tmp_path / "a") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    for path in (tmp_path / "absent/a", tmp_path / ("x" * 300)):
        with pytest.raises(RunFailed, match=r"cannot be written \(.+\)"):
            files.write_text(path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_closed_terminal_is_an_interruption_but_not_under_nohup():
    code = (
        "import os, signal; from lopa_bench.host import signals; from lopa_bench.errors import Interrupted\n"
        "try:\n"
        "    with signals.raised(): os.kill(os.getpid(), signal.SIGHUP); print('goes on')\n"
        "except Interrupted as error: print(error.exit_status)"
    )
    assert signal.SIGHUP in signals.SIGNALS
    for before, says in ((signal.SIG_DFL, "129"), (signal.SIG_IGN, "goes on")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda before=before: signal.signal(signal.SIGHUP, before),
        )
        assert done.stdout.strip() == says


@pytest.mark.parametrize("value", ["a\udc80b", ["a", "\udc80"], {"a": {"b": ["é", "\udc80"]}}])
def test_half_a_surrogate_pair_is_found_at_any_depth(value):
    assert files.half_a_pair(value) == "\\udc80"


@pytest.mark.parametrize("value", ["é\U0001f600", ["a", 1, None], {"a": {}}, 3.5])
def test_whole_texts_have_none(value):
    assert files.half_a_pair(value) is None


def test_a_folder_is_made_though_another_process_removes_the_ones_above(tmp_path, monkeypatch):
    """As a run does that is refused, with what it made itself."""
    real, meanwhile = Path.mkdir, iter([FileNotFoundError, FileExistsError])

    def mkdir(self, *args, **kwargs):
        if (error := next(meanwhile, None)) is not None:
            raise error
        real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        make_folder(tmp_path / "file")


def test_a_path_that_may_not_be_looked_at_is_taken_for_none(tmp_path):
    """A name too long is refused by the system as a folder of somebody else's is, where `Path.exists` raises."""
    assert existing(tmp_path) == tmp_path
    assert existing(tmp_path / ("x" * 300) / "results") == tmp_path
