"""Pretrain an embedded model from scratch, on a GPU where there is one, else on the CPU.

    python scripts/pretrain_mini.py mlm        writes lopa_bench/mini/mini-mlm
    python scripts/pretrain_mini.py clm        writes lopa_bench/mini/mini-clm

The halves, `pretrain_mlm.py` and `pretrain_clm.py`, hold a `Recipe` and `pretrain(recipe, out)`.
"""

import argparse
from importlib import import_module
from pathlib import Path

MINI = Path(__file__).parents[1] / "lopa_bench" / "mini"


def main() -> None:
    """Read the command line and pretrain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["mlm", "clm"])
    parser.add_argument("--out", type=Path, help="folder to write; default: the package's own")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    half = import_module(f"pretrain_{options.kind}")
    half.pretrain(half.Recipe(seed=options.seed), options.out or MINI / f"mini-{options.kind}")


if __name__ == "__main__":
    main()
