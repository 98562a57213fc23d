"""Installed from a wheel, and below the temporary folder: it works, and its answers stay out of sight."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from lopa_bench.sandbox import interpreter

PACKAGE = Path(__file__).parents[2] / "lopa_bench"
SECRET = "SECRET = 8443"  # nothing else in any readable file says so

# Reads every file it can find whose path names the package, by all the ways that lead to one.
SEARCH = """
import os, sys
def f(x):
    roots = {*sys.path, *sys.path_importer_cache, '/sandbox', '/tmp', '/proc/self/cwd', '/proc/self/root/tmp', '/dev/shm'}
    roots |= {os.path.join(path, name) for path in sys.path for name in NAMES}
    roots |= {os.path.dirname(m.__file__) for m in list(sys.modules.values()) if getattr(m, '__file__', None)}
    found, looked = set(), set()
    while roots:
        root = os.path.realpath(roots.pop())
        standard = os.path.dirname(os.__file__)
        if root == '/' or root in looked or root.startswith(standard) and 'packages' not in root:
            continue
        looked.add(root)
        for folder, _, names in os.walk(root):
            for name in names:
                try:
                    if b'SECRET = ' + str(8000 + 443).encode() in open(os.path.join(folder, name), 'rb').read(1 << 20):
                        found.add(name)
                except OSError:
                    pass
    return sorted(found)
"""
IMPORT = """
import importlib, pkgutil, sys, zipimport
def f(names):
    for name in names:
        try:
            return vars(importlib.import_module(name))['SECRET']
        except (ImportError, OSError, KeyError):  # an empty directory is a package too
            pass
    for path in sys.path:
        try:
            if pkgutil.get_data('lopa_bench', 'mini/answers.txt'):
                return 'data'
        except (ImportError, OSError):
            pass
    for path in ARCHIVES:
        try:
            return zipimport.zipimporter(path).load_module('lopa_bench')
        except (ImportError, OSError):
            pass
"""
HONEST = """
import another, os, tempfile
def f(x):
    assert another.here
    if os.getcwd() != '/':  # at level B there is nothing to write
        assert os.listdir() == []
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('x')
    return x
"""
MODULES = ["lopa_bench.mini.answers", "lopa_bench", "answers", "tests.answers"]
RUN = """
import json, sys
from lopa_bench.sandbox import Program, run_programs, self_test
programs = [Program(name, code, tests) for name, code, tests in json.load(sys.stdin)]
levels = {"A": "ABC"}.get(self_test().level, self_test().level)
found = {level: {v.id: v.reason.value for v in run_programs(programs, level=level, timeout_s=60)} for level in levels}
print(json.dumps([sys.modules["lopa_bench"].__file__, found]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A virtual environment with the package as a wheel, an egg and others would leave it."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    ours = packages / "lopa_bench"
    shutil.copytree(PACKAGE / "sandbox", ours / "sandbox")
    for name in (
        "mini/__init__.py",
        "mini/answers.py",
        "mini/answers.txt",
        "__init__.py",
        "mini/__pycache__/answers.pyc",
    ):
        (ours / name).parent.mkdir(exist_ok=True, parents=True)
        (ours / name).write_text(SECRET)
    (packages / "lopa_bench-0.2.dist-info").mkdir()
    (packages / "lopa_bench-0.2.dist-info" / "RECORD").write_text(SECRET)
    (packages / "another.py").write_text("here = True")
    for name in ("lopa_bench-0.1-py3.egg", "bundle.zip"):
        with zipfile.ZipFile(packages / name, "w") as archive:
            archive.writestr("lopa_bench/__init__.py", SECRET)
    (packages / "others.pth").write_text(f"{packages}/bundle.zip\n{packages}/lopa_bench-0.1-py3.egg\n")
    checkout = folder / "src" / "lopa-bench"  # as an editable install from a repository is
    (checkout / "tests").mkdir(parents=True)
    (checkout / "tests" / "answers.py").write_text(SECRET)
    (packages / "editable.pth").write_text(str(checkout))
    return folder


def test_a_program_finds_nothing_of_it(installed):
    (packages,) = installed.glob("lib/python*/site-packages")
    archives = [str(packages / "bundle.zip"), str(packages / "lopa_bench-0.1-py3.egg")]
    names = ["lopa_bench", "lopa_bench/mini", "lopa_bench-0.2.dist-info", "bundle.zip", "../../../src/lopa-bench"]
    programs = [
        ("search", SEARCH.replace("NAMES", repr(names)), ["assert f(1) == []"]),
        (
            "import",
            IMPORT.replace("ARCHIVES", repr(archives)),
            [f"assert f({MODULES}) == None"],
        ),
        ("honest", HONEST, ["assert f(1) == 1"]),
        ("again", HONEST, ["assert f(1) == 1"]),
    ]
    done = subprocess.run(
        [installed / "bin" / "python", "-I", "-c", RUN], input=json.dumps(programs), capture_output=True, text=True
    )
    assert done.stderr == ""
    where, verdicts = json.loads(done.stdout)
    assert str(packages) in where
    for level, found in verdicts.items():
        assert found == dict.fromkeys(("search", "import", "honest", "again"), "passed"), level


def test_what_is_hidden_and_what_is_left(tmp_path, monkeypatch):
    """For a mechanism that only ever allows: all around the package, and links to it are no way in."""
    library = tmp_path / "lib"
    packages = library / "python3.11" / "site-packages"
    for name in ("lopa_bench/mini", "Lopa_Bench-0.1.dist-info", "numpy", "plain"):
        (packages / name).mkdir(parents=True)
    (packages / "numpy" / "core.py").touch()
    (library / "libx.so").touch()
    (tmp_path / "lib64").symlink_to("lib")
    (packages / "link").symlink_to("lopa_bench")
    monkeypatch.setattr(interpreter, "_readable_paths", lambda: (str(library), str(tmp_path / "lib64")))
    monkeypatch.setattr(sys, "path", [str(packages)])
    view = interpreter.view()
    for root in (library, tmp_path / "lib64"):
        inside = root / "python3.11" / "site-packages"
        assert {str(inside / "lopa_bench"), str(inside / "Lopa_Bench-0.1.dist-info")} <= set(view.hidden)
        assert {str(inside / "numpy"), str(inside / "plain"), str(root / "libx.so")} <= set(view.whole)
        assert {str(root), str(inside)} <= set(view.listed)
    assert not [path for path in view.whole if "opa_" in path or path.endswith("link")]


@pytest.mark.parametrize(
    ("path", "installed"),
    [
        (os.path.dirname(os.__file__), True),
        (f"{sys.prefix}/src/lopa-bench", False),
        (f"{sys.prefix}/bundle.zip", False),
        ("", False),
        ("/home/me/project", False),
    ],
)
def test_what_of_the_path_counts_as_installed(path, installed):
    assert interpreter._is_installed(path) is installed
