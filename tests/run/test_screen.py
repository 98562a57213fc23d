"""What a run says of itself while it goes on: a bar of one line, or lines in a log."""

import io
import math
import re
import subprocess
import sys
import types

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.run import screen
from lopa_bench.run.inputs import SPLITS
from lopa_bench.run.screen import Position, Screen, bar
from lopa_bench.run.story import run

FAR = Position(10, 30, 12_345, 99_999, 3_723.4, 1_234.5, 0.512, {"accuracy": 71.25, "glue": 71.25})


@pytest.mark.parametrize(("label", "width"), [("rte/lopa", 80), ("cruxeval_o/p_tuning_v2", 80), ("rte/lopa", 60)])
def test_the_bar_is_one_line_with_epoch_time_left_and_speed(label, width):
    page = io.StringIO()
    shown = bar(stderr=False, file=page, width=width, force_terminal=True, color_system=None)
    with shown:
        shown.add_task(label, total=FAR.steps, completed=FAR.step, facts=FAR.facts())
    lines = {line for line in re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "\n", page.getvalue()).splitlines() if label in line}
    assert {len(line) for line in lines} == {width}
    text = lines.pop()
    assert text.startswith(
        f"{label}  epoch 10/30  1:02:03 left  1,23" if width == 80 else f"{label}  epoch 10/30  1:02:03 left ━"
    )
    assert ("1,234 examples/s" in text) == (width == 80)
    assert text.index("━") <= width - screen.SHORTEST_BAR


def test_names_are_no_orders_to_the_terminal(capsys):
    config = types.SimpleNamespace(
        task=types.SimpleNamespace(name="\x1b[31mred"), method=types.SimpleNamespace(name="m")
    )
    Screen(config, True).say("[bold]loading[/bold]")
    assert capsys.readouterr().err == "\\u001b[31mred/m: [bold]loading[/bold]\n"
    page = io.StringIO()
    with bar(stderr=False, file=page, width=80, force_terminal=True) as shown:
        shown.add_task("\x1b]0;title\x07", total=2, completed=1, facts=["[bold]x[/bold]"])
    assert "\x1b]0" not in page.getvalue()
    assert "[bold]x[/bold]" in page.getvalue()


def test_what_is_not_known_yet_is_not_said():
    assert Position(1, 2, 1, 14, 3.0, 8.0, math.nan, {}).facts() == ["epoch 1/2", "0:00:03 left", "8 examples/s"]


def test_a_log_gets_a_line_now_and_then(overrides, tmp_path, monkeypatch, capsys):
    """Stages once each, steps when the last line is long ago: here never, and always."""
    assert main([*overrides, "method=lopa"]) == 0
    stages = ["loading roberta", "reading 54 train, 30 test, 6 validation rows", "evaluating"]
    assert capsys.readouterr().err.splitlines() == [f"rte/lopa: {stage}" for stage in stages]
    monkeypatch.setattr(screen, "SECONDS_BETWEEN_LINES", 0.0)
    SPLITS.clear()
    monkeypatch.setenv("LOPA_BENCH_CACHE", str(tmp_path))  # no features of the instances, neither in memory nor here
    assert main([*overrides, "method=lopa", "precision=bf16"]) == 0
    lines = capsys.readouterr().err.splitlines()
    steps = [line for line in lines if ": epoch " in line]
    assert len(steps) == len(set(steps)) == 14
    assert re.match(
        r"rte/lopa: epoch 2/2, 0:00:\d\d left, [\d,]+ examples/s, loss \d\.\d{3}, accuracy \d+\.\d", steps[-1]
    )
    for loop in ("features of the instances", "scoring the epoch", "evaluating", "evaluating with other prompts"):
        assert any(re.fullmatch(rf"rte/lopa: {loop}, \d+ of \d+ rows", line) for line in lines), loop


def test_few_rows_that_select_and_the_majority_s_split_are_said(overrides, capsys):
    assert main([*overrides, "method=lopa"]) == 0
    text = capsys.readouterr().out
    assert "on 6 rows one answer is 16.7 points: epochs are hardly told apart" in text
    assert "majority     the label of most training rows, on the rows reported" in text


def test_a_run_is_found_without_torch_and_tells_its_own_time(overrides):
    outcome = run(load_config([*overrides, "method=lopa"]))
    code = "import sys; from lopa_bench.cli.main import main; main(sys.argv[1:]); print({'torch', 'pandas'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code, *overrides, "method=lopa"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
    assert done.stderr == ""
    assert f"{outcome.result.seconds.total:.1f} s (" in done.stdout
    assert "This run was finished before" in done.stdout


def test_a_sweep_counts_its_jobs_and_says_each_thing_once(overrides, capsys):
    sweep = ["-m", *overrides, "method=lopa", "train.epochs=1", "seed=0,1"]
    assert main(sweep) == 0
    out, error = capsys.readouterr()
    begun = [line for line in error.splitlines() if re.match(r"\d of", line)]
    assert begun == ["1 of 2: seed=0", "2 of 2: seed=1 (about 1 min left)"]
    assert [line.split()[:2] for line in out.splitlines()] == [["ran", "seed=0"], ["ran", "seed=1"], ["2", "jobs:"]]
    took = [line.split()[-2] for line in out.splitlines()[:2]]
    assert main(sweep) == 0
    assert [line.split()[-2] for line in capsys.readouterr().out.splitlines()[:2]] == took
