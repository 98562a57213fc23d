"""The command: lines in, verdict lines out, as root, as a normal user, behind bubblewrap."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attacks_on_harness import TAMPERING
from attacks_on_host import ESCAPE, PARSER
from attacks_on_verdict import LIES
from honest import HONEST

from lopa_bench.sandbox import levels
from lopa_bench.sandbox.__main__ import main

ROOT = Path(__file__).parents[2]
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
GOOD = '{"id": 1, "code": "def f(x): return x + 1", "tests": ["assert f(1) == 2"]}'
CRUXEVAL = '"code": "def f(x): return x", "input": "1", "output": "1"'
# A line, and what its answer must hold.
LINES = [
    (GOOD, "passed"),
    ("not json", "line 2: Expecting"),
    ('{"id": [2], "code": "def f(x): return x", "tests": ["assert f(1) == 2"]}', "wrong_value"),
    (f'{{"id": "i", "mode": "cruxeval_input", {CRUXEVAL}, "generation": "f(1)"}}', "passed"),
    (f'{{"id": "o", "mode": "cruxeval_output", {CRUXEVAL}, "generation": "2"}}', "wrong_value"),
    ('{"id": 3, "code": "", "tests": []}', "'tests' must be a list"),
    ('{"id": 4, "tests": ["assert f(1) == 1"]}', "'code' is missing"),
    ('{"id": 5, "code": 7, "tests": ["assert f(1) == 1"]}', "'code' must be a string"),
    ('{"id": 6, "code": "", "tests": ["assert f(1 == 1"]}', "not Python"),
    ('{"id": 7, "mode": "other", "code": "", "tests": ["assert f(1) == 1"]}', "mode 'other'"),
    (f'{{"id": 8, "mode": "cruxeval_output", {CRUXEVAL}}}', "'generation' is missing"),
    ("[]", "an object was expected"),
    ("\udcff", "line 13"),  # a byte that is not UTF-8
    ("[" * 100_000, "line 14"),
    (GOOD, "passed"),
]


def test_lines_in_lines_out(tmp_path, capsys):
    path = tmp_path / "programs.jsonl"
    path.write_text("\n".join(line for line, _ in LINES), "utf-8", "surrogateescape")
    assert main([str(path), "--workers", "2"]) == 2
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    for row, (line, words) in zip(rows, LINES, strict=True):
        assert words in (row.get("reason") or row["error"]), line
    assert [row["id"] for row in rows][:6] == [1, None, [2], "i", "o", 3]
    assert len(err.splitlines()) == sum("error" in row for row in rows)


def test_self_test(capsys):
    assert main(["--self-test"]) == 0
    out = capsys.readouterr().out
    for word in ("level", "namespaces", "landlock", "seccomp", "limits"):
        assert word in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-file"],
        ["--workers", "2"],
        *(["x", "--timeout", text] for text in ("0", "-1", "nan", "inf", "1e400", "10000000000000000000", "soon")),
        *(["x", "--workers", text] for text in ("0", "-1", "2.5", "10000000000000000000")),
    ],
)
def test_bad_arguments(arguments, capsys):
    try:
        status = main(arguments)
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_interrupt_ends_it_in_one_line(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lopa_bench.sandbox.__main__.run_programs", interrupted)
    assert main([__file__]) == 130
    assert capsys.readouterr().err == "sandbox: interrupted\n"


def corpus(path: Path) -> dict[str, bool]:
    """Write a quick mix of attacks and honest programs; name to whether it must pass."""
    slow = ("timeout", "memory")
    rows = [
        {"id": attack.name, "code": attack.code, "tests": ["assert f(20) == 8443"]}
        for attack in (*LIES, *TAMPERING, *ESCAPE, *PARSER)
        if not attack.reasons & set(slow) and "OUTSIDE" not in attack.code
    ]
    rows += [{"id": name, "code": code, "tests": tests} for name, (code, tests) in HONEST.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {row["id"]: row["id"] in HONEST for row in rows}


def unexpected(lines: str, wanted: dict[str, bool]) -> list[dict]:
    """The verdicts that are not as they must be."""
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [row["id"] for row in rows] == list(wanted)
    return [
        row
        for row in rows
        if row["passed"] != wanted[row["id"]] or row["reason"] == "harness_error" or row["level"] not in ("A", "B", "C")
    ]


def test_as_a_normal_user(tmp_path):
    """Needs root, to become another, and a Python that others may run."""
    if os.geteuid() != 0:
        pytest.skip("the other tests already run as a normal user")
    python = _python_for_others()
    shutil.copytree(ROOT / "lopa_bench" / "sandbox", tmp_path / "lopa_bench" / "sandbox")
    wanted = corpus(tmp_path / "programs.jsonl")
    for path in (tmp_path, *tmp_path.parents):
        if "pytest-of-" in str(path):  # pytest's own folders, which it closes to others
            os.chmod(path, 0o755)
    command = [python, "-m", "lopa_bench.sandbox", "programs.jsonl", "--timeout", "30"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={}, **NOBODY)
    assert (done.returncode, done.stderr) == (0, "")
    assert unexpected(done.stdout, wanted) == []


def _python_for_others() -> str:
    check = "import sys, ctypes, socket; sys.exit(sys.version_info < (3, 10))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            command = [python, "-c", check]
            if subprocess.run(command, **NOBODY).returncode == 0:
                return python
        except OSError:
            continue
    pytest.skip("no Python 3.10 or later that other users may run")


def test_behind_bubblewrap(tmp_path, monkeypatch, capsys):
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    found = levels._attempt("bubblewrap")
    assert found.level in "AC", found
    wanted = corpus(tmp_path / "programs.jsonl")
    monkeypatch.setattr(levels, "self_test", lambda: found)
    assert main([str(tmp_path / "programs.jsonl"), "--timeout", "30"]) == 0
    assert unexpected(capsys.readouterr().out, wanted) == []
