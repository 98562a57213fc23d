"""The commands and files of README.md and docs/: what can run here is run, in a folder of its own and on few rows.

A line with a placeholder (DIR, RUN_A, …) or of another scale is checked for its words only: its keys, and those choices that are named.
"""

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lopa_bench.cli.help import commands as subcommands
from lopa_bench.cli.help import load
from lopa_bench.cli.main import main
from lopa_bench.cli.options import Choice, options_of, takes_overrides
from lopa_bench.config.files import choices, groups
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.tables import tables

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PLACEHOLDER = re.compile(r"…|\b[A-Z][A-Z_]{2,}\b|\[|model=local|scale=|data\.(dir|train)=|hydra/|\.(txt|jsonl)\b")
SMALL = ["data.limit=8", "train.epochs=1"]
TOLD_BY_HELP = {"params": "its own tests make the whole table"}


def commands():
    """Each `lopa-bench …` line: (page, words)."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = [code for language, code in FENCED.findall(text) if language in {"", "sh", "console"}]
        indented = re.findall(r"^    (\S.*)", FENCED.sub("", text), re.MULTILINE)
        for line in [line for block in blocks for line in block.splitlines()] + indented:
            command = line.removeprefix("$ ").split(" | ")[0]
            if re.match(r"\S*lopa-bench ", command):
                yield page, shlex.split(command, comments=True)[1:]


ALL = list(commands())
RUNS = [
    pytest.param(page, words, marks=pytest.mark.slow if math.prod(word.count(",") + 1 for word in words) > 4 else ())
    for page, words in ALL
    if words[0] not in subcommands()
]
TOLD = [(page, words) for page, words in ALL if words[0] in subcommands()]


def name(value):
    return " ".join(value)[:60] if isinstance(value, list) else value.stem


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a few finished runs in it."""
    folder = tmp_path_factory.mktemp("docs")
    for method in ("lopa", "fft"):
        assert main(["task=rte", f"method={method}", f"results_dir={folder / 'runs'}", *SMALL]) == 0
    return folder


def test_there_are_commands():
    assert len(RUNS) >= 6
    assert len(TOLD) >= 15


@pytest.mark.parametrize(("page", "words"), RUNS, ids=name)
def test_run(page, words, folder, monkeypatch, capsys):
    for word in words:
        key, equals, values = word.partition("=")
        if equals and key in groups() and "…" not in word:
            assert set(values.split(",")) <= set(choices(key)), f"{page.name}: {word}"
    if any(PLACEHOLDER.search(word) for word in words):
        return
    monkeypatch.chdir(folder)
    assert main([*words, *SMALL]) == 0
    assert re.search(r"task=rte|rte · lopa|^\d+ jobs: \d+ ran( · \d+ found)?$", capsys.readouterr().out, re.M)


@pytest.mark.parametrize(("page", "words"), TOLD, ids=name)
def test_command(page, words, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    if words[0] in TOLD_BY_HELP or any(PLACEHOLDER.search(word) for word in words):
        _check_keys(words)
        assert _exit_status([words[0], "--help"]) == 0
    else:
        assert _exit_status(words) in ({0, 1} if words[0] == "doctor" else {0})  # doctor: 1 where something lacks
    assert capsys.readouterr().out


def _check_keys(words):
    """Whatever is named in a subcommand's line is an option of it, or a key of a run's where it takes those."""
    declared = load(words[0]).OPTIONS
    kinds = declared.options.values() if isinstance(declared, Choice) else [declared]
    own = {one.name.replace("_", "-") for kind in kinds for one in options_of(kind)}
    told = {word.strip("-[]").partition("=")[0] for word in words[1:] if "=" in word or word.startswith("--")}
    others = {key for key in told if key.replace("_", "-") not in own | {"help", "conf.path"}}
    assert not others or takes_overrides(declared), others


def _exit_status(words):
    try:
        return main(words)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize("command", subcommands())
def test_every_command_is_told_of(command):
    assert any(f"lopa-bench {command}" in page.read_text(encoding="utf-8") for page in PAGES), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.slow  # tests/cli/test_added.py adds a method of the same kind
def test_the_method_that_is_written_there_runs(tmp_path):
    """docs/adding.md's two files in a copy of the package, and nothing else."""
    for part in ("lopa_bench", "conf"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    page = (ROOT / "docs/adding.md").read_text(encoding="utf-8")
    written = re.findall(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert [Path(place).suffix for place, _ in written] == [".py", ".yaml"]
    for place, text in written:
        (tmp_path / place).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "lopa_bench", "task=rte", "method=scaled_prompt", *SMALL]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "rte · scaled_prompt" in done.stdout


def test_the_claims_that_the_docs_list_are_those_of_the_study():
    told = re.findall(
        r"^\| (C\d+) \| (.+?) \| (.+) \|$", (ROOT / "docs/reporting.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [(name, text) for name, text, _ in told] == [(claim.name, claim.text) for claim in CLAIMS]
    for claim, (_, _, tested) in zip(CLAIMS, told, strict=True):
        assert all(part.text in tested.replace("\\|", "|") for part in claim.parts)


def test_reproducing_tells_every_table_of_the_papers_scale_with_its_runs():
    page = (ROOT / "docs" / "reproducing.md").read_text(encoding="utf-8")
    told = {}
    for names, runs in re.findall(r"^\| (`\w+`(?:, `\w+`)*|all) \|.*\| ([\d,]+) \| [\d,]+ \|$", page, re.MULTILINE):
        told[frozenset(re.findall(r"\w+", names))] = int(runs.replace(",", ""))

    def planned(names):
        return sum(len(run.seeds) for run in planned_runs(tables("paper", names), "paper"))

    assert planned(()) == told.pop(frozenset({"all"}))
    assert {name for names in told for name in names} == {table.name for table in tables("paper")}
    assert told == {names: planned(names) for names in told}
