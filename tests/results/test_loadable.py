"""The published runs are those of today's code: whatever class one of them names is still there, under that name."""

import re
from pathlib import Path

import yaml

from lopa_bench.config.compose import from_resolved

RESULTS = Path(__file__).parents[2] / "results"


def test_a_published_run_of_every_class_can_be_loaded():
    of_class: dict[str, Path] = {}
    for path in sorted(RESULTS.glob("*/*/*/*/*/config.yaml")):
        for target in re.findall(r"^ *_target_: (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            of_class.setdefault(target, path)
    assert len(of_class) > 20
    for target, path in of_class.items():
        config = from_resolved(yaml.safe_load(path.read_text(encoding="utf-8")))
        made = {
            f"{type(part).__module__}.{type(part).__qualname__}"
            for part in (config.task, config.method, config.tracker)
        }
        assert target in made
