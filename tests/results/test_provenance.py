"""A result names the commit of the code that made it, and says when a file of that code was changed."""

import subprocess
from pathlib import Path

import pytest

from lopa_bench.results import provenance
from lopa_bench.results.provenance import checkout


@pytest.fixture
def clone(tmp_path):
    """A checkout with a package, its configuration and something else."""
    for name in ("package/__init__.py", "package/methods/lopa.py", "conf/config.yaml", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as committed\n")
    (tmp_path / ".gitignore").write_text(".venv\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def state(clone):
    return checkout(clone / "package", clone / "conf")


def test_a_clean_checkout(clone):
    assert state(clone) == {"commit": git(clone, "rev-parse", "HEAD"), "modified": False}


@pytest.mark.parametrize(
    ("name", "modified"),
    [
        ("package/__init__.py", True),
        ("package/methods/lopa.py", True),
        ("conf/config.yaml", True),
        ("README.md", False),
    ],
)
def test_a_changed_file(clone, name, modified):
    (clone / name).write_text("another\n")
    assert state(clone)["modified"] is modified


@pytest.mark.parametrize(("name", "modified"), [("package/new.py", True), ("conf/new.yaml", True), ("new.py", False)])
def test_a_new_file(clone, name, modified):
    (clone / name).write_text("not committed\n")
    assert state(clone)["modified"] is modified


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_another_repository_in_the_environment(clone, name, monkeypatch):
    """As in a hook of it."""
    expected = state(clone)
    monkeypatch.setenv(name, str(clone / "conf"))
    assert state(clone) == expected


def test_a_file_that_is_gone(clone):
    (clone / "package/methods/lopa.py").unlink()
    assert state(clone)["modified"]


def test_a_package_installed_inside_somebody_s_checkout_is_not_of_their_commit(clone):
    installed = clone / ".venv/lib/site-packages/package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("as released\n")
    assert checkout(installed, installed) == {}


def test_a_package_outside_of_any_checkout(tmp_path):
    assert checkout(tmp_path, tmp_path) == {}


def test_a_git_that_does_not_answer(clone, monkeypatch, tmp_path, capsys):
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(slow), prepend=":")
    monkeypatch.setattr(provenance, "_PATIENCE", 0.1)
    assert state(clone) == {}
    assert "results name no commit: git has not answered" in capsys.readouterr().err
