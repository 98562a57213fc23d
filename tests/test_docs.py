"""The commands of README.md and docs/: each names a command or choices that exist. What they do is tested where it is done."""

import re
import shlex
from pathlib import Path

import pytest

from lopa_bench.cli import COMMANDS, main
from lopa_bench.config import choices

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Answered in a moment and without data of the user's; what trains, downloads or needs a folder is only checked for its words.
QUICK = {"list"}


def commands():
    """Each `lopa-bench …` line of a shell block: (page, words)."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for block in re.findall(r"```(?:sh|bash)[^\n]*\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                words = shlex.split(line.split("|")[0], comments=True)
                if words and Path(words[0]).name == "lopa-bench":
                    yield page, words[1:], "# no-run" in line


ALL = list(commands())


def test_there_are_commands():
    assert len(ALL) > 15


@pytest.mark.parametrize(("page", "words", "skipped"), ALL, ids=[f"{p.stem}: {' '.join(w)}"[:60] for p, w, _ in ALL])
def test_command(page, words, skipped, capsys):
    if words and words[0] in QUICK and not skipped:
        assert main(words) == 0
        return
    if words and words[0] in COMMANDS:
        with (
            pytest.raises(SystemExit)
            if words[0] not in {"fetch", "doctor", "export", "status", "list"}
            else no_error() as stop
        ):
            assert main([words[0], "--help"]) == 0
        assert getattr(getattr(stop, "value", None), "code", 0) == 0
        assert capsys.readouterr().out
        return
    groups = {path.parent.name for path in (ROOT / "conf").glob("*/*.yaml")}
    for word in words:
        key, equals, values = word.partition("=")
        if equals and key in groups and "…" not in word:
            for value in values.split(","):
                assert value in choices(key), f"{page.name}: {word}"


def no_error():
    import contextlib

    return contextlib.nullcontext()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_told_of(name):
    assert any(f"lopa-bench {name}" in page.read_text(encoding="utf-8") for page in PAGES), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
