"""Makes lopa_bench/study/costs.csv: what each run of the tables at scale=mini and scale=paper takes. To be run when a test says so.

Usage: python scripts/costs.py
"""

from __future__ import annotations

import argparse
import csv

from lopa_bench.config.compose import load_config
from lopa_bench.study.costs import FIELDS, FILE, line
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.tables import tables

SCALES = ("mini", "paper")  # those whose models are shipped, or whose shapes are


def main() -> None:
    runs = [run for scale in SCALES for run in planned_runs(tables(scale, ()), scale)]
    lines = {str(made[0]): made for made in (line(load_config(run.argv()[0])) for run in runs)}
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([FIELDS, *(lines[key] for key in sorted(lines))])
    print(f"{FILE.name}: {len(lines)} of {len(runs)} runs")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
