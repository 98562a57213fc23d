"""Measure one part of the tool against another way of doing the same work.

    scripts/benchmark.py NAME               measure, print, and write results/benchmarks/NAME.json
    scripts/benchmark.py NAME --json        measure, and print what would be written
    scripts/benchmark.py NAME --tiny        the same in seconds, of which no ratio means anything; nothing is written
    scripts/benchmark.py machine            what a measurement depends on beside the code
    scripts/benchmark.py table              what results/benchmarks holds, as a Markdown table

Each `benchmarks/NAME.py` has `comparisons(tiny)`, a list of objects with `work`, `against`, `ratio`
(above 1: we are ahead), `spread` (least and greatest ratio seen), `limit` (the ratio there would be, all
costing nothing but what it is `limited_by`), `goal` (nine tenths of that where it forbids more) and what `ran`.
What they share is in `benchmarks/contest`.
LOPA_BENCH_SHARED, a folder that holds `data/`, gives the benchmarks the real texts.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"
RESULTS = ROOT / "results" / "benchmarks"


def main() -> int:
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name", choices=[*names, "machine", "table"])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table; nothing is written")
    parser.add_argument("--tiny", action="store_true", help="whether it runs at all; nothing is written")
    options = parser.parse_args()
    if options.name == "table":
        print(markdown(RESULTS))
        return 0
    find_modules()
    # Processes that are timed find modules compiled, as pip installs them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.name == "machine":
        from contest.measure import machine

        print(json.dumps(machine(), indent=1))
        return 0
    found = measured(options.name, options.tiny)
    text = json.dumps(found, indent=1)
    if not (options.tiny or options.json):
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{options.name}.json").write_text(text + "\n", encoding="utf-8")
    print(text if options.json else table(found))
    return 0


def find_modules() -> None:
    """Have Python find this checkout, `benchmarks` and what it imports."""
    sys.path[:0] = [path for path in map(str, (ROOT, BENCHMARKS.parent, BENCHMARKS)) if path not in sys.path]


def measured(name: str, tiny: bool) -> list[dict[str, Any]]:
    """The comparisons of `benchmarks/NAME.py`."""
    find_modules()
    found: list[dict[str, Any]] = importlib.import_module(f"benchmarks.{name}").comparisons(tiny)
    return found


def table(comparisons: list[dict[str, Any]]) -> str:
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    shown.add_column("work")
    shown.add_column("against")
    for name in ("ratio", "spread", "goal", "limit"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in comparisons:
        met = "green" if row["ratio"] >= row["goal"] else "red"
        shown.add_row(
            row["work"],
            row["against"],
            f"[{met}]{row['ratio']:.2f}[/]",
            spread(row),
            f"{row['goal']:.3g}",
            f"{row['limit']:.3g}",
        )
    console = Console()
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip()


def spread(row: dict[str, Any]) -> str:
    return "–".join(f"{value:.2f}" for value in row["spread"])


def markdown(folder: Path) -> str:
    """Every comparison that was measured, a line each."""
    lines = [
        "| work | against | ratio (spread) | goal | limit | set by |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for path in sorted(folder.glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            ratio = f"{row['ratio']:.2f} ({spread(row)})"
            limit = f"{row['limit']:.3g} | {row['limited_by']}"
            lines.append(f"| {row['work']} | {row['against']} | {ratio} | {row['goal']:.3g} | {limit} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
