"""Every benchmark runs, and says of each comparison what was compared with what, on what."""

import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import benchmark  # noqa: E402

QUICK = {"report", "sandbox"}  # the others start many processes that import torch, or train and generate
NAMES = sorted(path.stem for path in benchmark.BENCHMARKS.glob("*.py"))


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in NAMES]
)
def test_comparisons(name):
    found = benchmark.measured(name, tiny=True)
    assert found
    for each in found:
        assert {"work", "against", "ratio", "spread", "goal", "limit", "limited_by", "ran"} == set(each)
        assert 0 < each["limit"] < math.inf
        assert 0 < each["spread"][0] <= each["ratio"] <= each["spread"][1] < math.inf
    assert benchmark.table(json.loads(json.dumps(found)))


def test_a_tiny_form_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path)
    monkeypatch.setattr(benchmark, "measured", lambda name, tiny: [MADE])
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "startup", "--tiny"])
    assert benchmark.main() == 0
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "startup"])
    assert benchmark.main() == 0
    assert json.loads((tmp_path / "startup.json").read_text()) == [MADE]
    assert MADE["work"] in capsys.readouterr().out


MADE = {
    "work": "ours",
    "against": "theirs",
    "ratio": 2.0,
    "spread": [1.5, 2.5],
    "goal": 1.0,
    "limit": 3.0,
    "limited_by": "FLOPs",
    "ran": {},
}
