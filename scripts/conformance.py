"""Compare every family of transformers' language models with transformers' own forward, and write docs/models.md.

``python scripts/conformance.py`` takes about ten minutes on one core; ``python scripts/conformance.py gpt2 bert`` prints these two.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from families import build, compare, page

from lopa_bench.config.nearest import hint


def main(only: list[str]) -> int:
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {"masked": {}, "causal": {}, "absent": []}
    wrong = 0
    for kind, family in build.families():
        if only and family not in only:
            continue
        try:
            model = build.build(kind, family)
        except Exception as error:  # sizes that hang together in a way of their own, or a package that is not here
            print(f"{kind} {family}: not built ({type(error).__name__})", flush=True)
            found["absent"].append({"kind": kind, "family": family})
            continue
        verdict = compare.judge(kind, family, model)
        found[kind][family] = page.about(verdict, build.after_padding(model))
        wrong += bool(verdict.wrong)
        said = f"right {', '.join(verdict.right) or 'none'}; refused {verdict.refused}; WRONG {verdict.wrong}"
        print(f"{kind} {family}: {said}", flush=True)
    if not only:
        page.FACTS.write_text(page.facts(found, version("transformers")), encoding="utf-8")
        page.PAGE.write_text(page.page({"transformers": version("transformers"), **found}), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*", help="by transformers' name for it; none: all of them")
    options = parser.parse_args()
    known = {family for _, family in build.families()}
    if unknown := [name for name in options.family if name not in known]:
        print(
            f"family={unknown[0]}: there is none{hint(unknown[0], known) or '; docs/models.md lists them'}",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(main(options.family))
