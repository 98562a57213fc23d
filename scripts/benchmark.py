"""Measure one part of the tool against another way of doing the same work.

    scripts/benchmark.py NAME [--json]

Each `benchmarks/NAME.py` has `comparisons()`, a list of objects with `work`, `against`, `ratio`
(above 1: we are ahead), `spread` (least and greatest ratio seen), `goal` and what `ran`. They are
printed and written to `results/benchmarks/NAME.json`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"
RESULTS = ROOT / "results" / "benchmarks"


def main() -> int:
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=names)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    found = load(options.name).comparisons()
    text = json.dumps(found, indent=1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{options.name}.json").write_text(text + "\n", encoding="utf-8")
    print(text if options.json else table(found))
    return 0


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmarks.{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def table(comparisons: list[dict[str, Any]]) -> str:
    lines = []
    for row in comparisons:
        least, greatest = row["spread"]
        ratio = f"{row['ratio']:.2f} ({least:.2f}-{greatest:.2f}), goal {row['goal']:g}"
        lines.append(f"{row['work']}  against  {row['against']}: {ratio}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
