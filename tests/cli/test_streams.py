"""Output streams as shells and terminals give them: ASCII, closed, full, cut off; and files that would speak to the terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.config.quoting import as_meant
from lopa_bench.host.terminal import printable

LIST = f"{sys.executable} -m lopa_bench list"


def shell(command, **environment):
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize(
    ("command", "status", "error"),
    [
        (f"{LIST} >&-", 0, ""),
        (f"{LIST} 2>&-", 0, ""),
        (f"{LIST} | head -1; exit ${{PIPESTATUS[0]}}", 0, ""),
        (f"{LIST} > /dev/full", 1, "lopa-bench: error: the output cannot be written (No space left on device)\n"),
        (f"{sys.executable} -m lopa_bench --cfg job > /dev/full", 1, "lopa-bench: error: the output cannot be written"),
    ],
)
def test_no_stream_ends_in_a_traceback(command, status, error):
    done = shell(command)
    assert done.returncode == status
    assert done.stderr.startswith(error)
    assert done.stderr.count("\n") <= 1


def test_ascii_has_a_spelling_for_every_sign():
    done = shell(f"{LIST} methods", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "methods (method=...)" in done.stdout
    table = "from lopa_bench.host.terminal import *; prepare_streams(); t = table('a·b'); add_row(t, ['–é']); show(t)"
    done = shell(f'{sys.executable} -c "{table}"', PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert "-\\xe9" in done.stdout


def test_json_on_a_stream_of_ascii_is_the_same_json():
    said = "café – 😀\u2028\x1b"
    code = f"import json; from lopa_bench.host.terminal import *; prepare_streams(); say_json(json.dumps({said!r}, ensure_ascii=False))"
    for encoding in ("ascii", "latin-1", "utf-8"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True
        )
        assert json.loads(done.stdout.decode(encoding)) == said
        assert (b"\\u2013" in done.stdout) == (encoding != "utf-8")


def test_nothing_in_a_file_reaches_the_terminal_as_an_order():
    assert printable("\x1b]0;title\x07 a\rb\x9b31m \u202e\ud800") == (
        "\\u001b]0;title\\u0007 a\\u000db\\u009b31m \\u202e\\ud800"
    )
    assert printable("é – 漢\n\t") == "é – 漢\n\t"
    done = subprocess.run(
        [sys.executable, "-m", "lopa_bench", "task=\x1b[31mx"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


AS_TYPED = ["epoch=3-step=10", "run(1)", "modèle", "it's", "no#1", "a,b", "with space", " x", "a\\", "a\\'b", "[x]"]


@pytest.mark.parametrize("value", [*AS_TYPED, "{y}", "a:b", 'x"y', "1e3", "choice(a,b)", "$HOME", "a\\\\'", "nan", "~"])
def test_a_path_is_what_the_shell_gives(value):
    assert load_config(["model=local", as_meant(f"model.path={value}")]).model.path == value
    assert str(load_config([as_meant(f"init_from={value}")]).init_from) == str(Path(value).expanduser())


def test_what_hydra_means_is_left_to_it():
    for word in ("train.lr=1e-3", "task=rte", "~tracker", "model.path=null", "model.path='a b'", "results_dir=${x}/y"):
        assert as_meant(word) == word
    assert as_meant("model.path=a,b", multirun=True) == "model.path=a,b"
