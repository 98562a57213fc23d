"""Compare every family of transformers' language models with transformers' own forward, and write docs/models.md.

``python scripts/conformance.py`` takes about ten minutes on one core; ``python scripts/conformance.py gpt2 bert`` prints these two.
"""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from families import build, compare, page


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
    sys.exit(main(sys.argv[1:]))
