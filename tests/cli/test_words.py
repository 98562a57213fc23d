"""The one parser: every option of every subcommand in each spelling, typed; mistakes in one line and one voice."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from lopa_bench.cli import help, words
from lopa_bench.cli.main import main
from lopa_bench.cli.options import Choice, option, options_of, overrides
from lopa_bench.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    folder: Path = option("a folder", shown="DIR", bare=True)
    results_dir: Path = option("another", Path("results"), shown="DIR")
    table: tuple[str, ...] = option("tables", ())
    where: tuple[str, ...] = option("settings", (), split=False)
    k: tuple[int, ...] = option("numbers", ())
    rate: float | None = option("a rate", None, above=0)
    workers: int = option("processes", 1, at_least=1)
    kind: Literal["plain", "fancy"] = option("which", "plain")
    dry_run: bool = option("nothing is done", False, short="n")
    latency: bool = option("measured", True)


def read(*argv):
    return words.read(Options, argv, "test")


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["results_dir=a"], "results_dir", Path("a")),
        (["--results-dir", "a"], "results_dir", Path("a")),
        (["--results_dir=a"], "results_dir", Path("a")),
        (["results-dir=a=b"], "results_dir", Path("a=b")),
        (["--results-dir", "no #1, [x] (é)"], "results_dir", Path("no #1, [x] (é)")),
        (["results_dir=~"], "results_dir", Path.home()),
        (["table=a,b", "--table", "c"], "table", ("a", "b", "c")),
        (["--where", "train.lr=1", "where=a=b,c"], "where", ("train.lr=1", "a=b,c")),
        (["--k", "1", "10"], "k", (1, 10)),
        (["k=1,10"], "k", (1, 10)),
        (["--rate", "1e-3"], "rate", 0.001),
        (["workers=3"], "workers", 3),
        (["--kind", "fancy"], "kind", "fancy"),
        (["--dry-run"], "dry_run", True),
        (["-n"], "dry_run", True),
        (["dry_run=true"], "dry_run", True),
        (["--dry-run", "false"], "dry_run", False),
        (["--no-latency"], "latency", False),
        (["latency=false"], "latency", False),
    ],
)
def test_each_spelling_is_the_same_value(argv, field, value):
    assert getattr(read("x", *argv), field) == value
    assert read(*argv, "x").folder == read(*argv, "folder=x").folder == read(*argv, "--folder", "x").folder == Path("x")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "test: folder is needed: give folder=DIR"),
        (["x", "y"], "'y' is not an option"),
        (["x", "result_dir=a"], "there is no option result_dir; nearest: results_dir=DIR"),
        (["x", "--quux"], "there is no option quux; there are folder, results_dir, table"),
        (["x", "--table"], "table has no value: give table=VALUE"),
        (["x", "--table", "--dry-run"], "table has no value"),
        (["x", "table="], "table= is empty"),
        (["x", "workers=2.5"], "workers=2.5 is not a whole number"),
        (["x", "workers=1e400"], "workers=1e400 is not a whole number"),
        (["x", "--workers", "-1"], "workers=-1 must be at least 1"),
        (["x", "rate=0"], "rate=0 must be above 0"),
        (["x", "rate=nan"], "rate=nan is not a finite number"),
        (["x", "rate=1e400"], "rate=1e400 is not a finite number"),
        (["x", "kind=fanzy"], "kind=fanzy is not one of plain, fancy; nearest: kind=fancy"),
        (["x", "dry_run=maybe"], "dry_run=maybe is not true or false"),
        (["x", "workers=1", "workers=2"], "workers=2 is the second workers; give one"),
    ],
)
def test_what_cannot_be_meant(argv, says):
    with pytest.raises(UserError, match=r"^test") as caught:
        read(*argv)
    assert says in str(caught.value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithRun:
    scale: str = option("of the runs", "mini")
    force: bool = option("a flag", False)
    overrides: tuple[str, ...] = overrides()


def test_overrides_of_a_run_pass_in_both_spellings_too():
    argv = ["scale=paper", "task=rte", "--train.lr", "-1e-3", "--model.path=a=b", "--offline", "--force", "~tracker"]
    read = words.read(WithRun, argv, "test")
    assert read.overrides == ("task=rte", "train.lr=-1e-3", "model.path=a=b", "offline=true", "~tracker")
    assert (read.scale, read.force) == ("paper", True)
    with pytest.raises(UserError, match="nearest: scale="):
        words.read(WithRun, ["scalee=paper"], "test")


def test_the_first_word_chooses_the_options_however_it_is_written():
    choice = Choice("what", {"one": Options, "two": WithRun}, default="two")
    for argv in (["one", "x"], ["x", "what=one"], ["--what", "one", "x"], ["--what=one", "folder=x"]):
        assert words.choose(choice, argv, "test") == ("one", Options(folder=Path("x")))
    assert words.choose(choice, ["scale=paper"], "test") == ("two", WithRun(scale="paper"))
    with pytest.raises(UserError, match="what=onne is not one of one, two; nearest: what=one"):
        words.choose(choice, ["onne"], "test")


@pytest.mark.parametrize("command", help.commands())
def test_help_shows_each_option_in_both_spellings_and_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert main(["help", command]) == 0
    assert capsys.readouterr().out == out
    declared = help.load(command).OPTIONS
    for kind in declared.options.values() if isinstance(declared, Choice) else [declared]:
        for one in options_of(kind):
            if not one.takes_overrides:
                assert f"  {one.spelling}   " in out
                assert f"--{'no-' if one.default is True else ''}{one.name.replace('_', '-')}" in out
    assert "\nexample: lopa-bench " in out


def test_help_and_version(capsys):
    assert main([]) == 0
    assert (out := capsys.readouterr().out).startswith("lopa-bench: reproduce")
    assert main(["--help"]) == main(["help"]) == 0
    assert capsys.readouterr().out == out * 2
    assert all(f"\n  {command} " in out for command in help.commands())
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "lopa-bench 0.2.0\n"


@pytest.mark.parametrize("argv", [["task=mrpc", "--cfg", "job"], ["run", "--task", "mrpc", "--cfg=job"]])
def test_run_may_be_written(argv, capfd):
    assert main(argv) == 0
    assert "name: mrpc" in capfd.readouterr().out


def test_no_subcommand_parses_by_itself():
    for path in (Path(words.__file__).parent).glob("*.py"):
        assert "argparse" not in path.read_text(encoding="utf-8"), path
        assert "sys.argv" not in path.read_text(encoding="utf-8") or path.stem in {"main", "run"}, path


@pytest.mark.parametrize("argv", [["--help"], ["list"], ["task=rt"], ["help", "report"], ["report", "--scael"]])
def test_answers_load_no_torch(argv):
    code = (
        "import sys; from lopa_bench.cli.main import main; status = main(sys.argv[1:]); "
        "print(sorted({'torch', 'pandas', 'transformers'} & set(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False)
    assert done.returncode == (2 if {"task=rt", "--scael"} & set(argv) else 0), done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
