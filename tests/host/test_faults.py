"""An exception that nothing foresaw is one line, which says whose code it comes from."""

import pytest

from lopa_bench.cli import help, main
from lopa_bench.host import installed


@pytest.fixture
def raising(monkeypatch, tmp_path):
    """Makes the command `list` end in what the given source raises, as code of the file `name`."""

    def install(source, name):
        scope = {}
        exec(compile(source, str(name), "exec"), scope)
        monkeypatch.setattr(help.load("list"), "main", lambda words: scope["f"]())

    return install


DIVIDE = "def f():\n    return 1 // 0\n"
LIBRARY = "import json\ndef f():\n    return json.loads('[1')\n"


@pytest.mark.parametrize(("source", "line"), [(DIVIDE, "ZeroDivisionError"), (LIBRARY, "JSONDecodeError")])
def test_of_ones_own(source, line, raising, tmp_path, capsys):
    raising(source, tmp_path / "mine.py")
    assert main.main(["list"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"lopa-bench: error: {line}: ")
    assert "(mine.py, line " in told
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_of_ours(raising, capsys):
    raising(DIVIDE, f"{installed.OURS}tasks/some.py")
    assert main.main(["list"]) == 1
    assert "(some.py, line 2, in f); a fault of lopa-bench: please report it" in capsys.readouterr().err


def test_a_place_that_may_not_be_read_is_named(raising, capsys):
    """Python 3.11's `Path.is_dir` raises there, wherever a folder of the user's is looked at."""
    raising("def f():\n    raise PermissionError(13, 'Permission denied', '/locked/rows')\n", f"{installed.OURS}a.py")
    assert main.main(["list"]) == 2
    told = "lopa-bench: error: /locked/rows: Permission denied; name a place that you may read and write\n"
    assert capsys.readouterr().err == told
    raising("def f():\n    raise PermissionError(1, 'Operation not permitted')\n", f"{installed.OURS}a.py")
    assert main.main(["list"]) == 1
    assert "a fault of lopa-bench: please report it" in capsys.readouterr().err


def test_of_a_plugin_that_is_installed(raising, tmp_path, monkeypatch, capsys):
    package = tmp_path / "lib/site-packages/lopa_bench_mine"
    monkeypatch.setattr(main, "plugins", lambda: {"lopa_bench_mine": package})
    raising(DIVIDE, package / "method.py")
    assert main.main(["list"]) == 2
    assert "(method.py, line 2, in f); LOPA_DEBUG=1" in capsys.readouterr().err


def test_where_it_came_from_is_shown_when_asked_for(raising, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOPA_DEBUG", "1")
    raising(DIVIDE, tmp_path / "mine.py")
    assert main.main(["list"]) == 2
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.index("ZeroDivisionError") < told.index("lopa-bench: error")


def test_what_is_installed(tmp_path):
    for place in ("lib/site-packages/a.py", "usr/lib/python3/dist-packages/a/b/c.py"):
        assert installed.is_installed(tmp_path / place)
    (tmp_path / "target/a-1.0.dist-info").mkdir(parents=True)  # pip install --target
    (tmp_path / "target/a").mkdir()
    assert installed.is_installed(tmp_path / "target")
    assert installed.is_installed(tmp_path / "target/a/b.py")
    assert not installed.is_installed(tmp_path / "mine/a.py")
    assert not installed.is_ours(installed.OURS.rstrip("/") + "_extra/a.py")
