"""``lopa-bench list``: what there is to choose from, read from the first comment of each YAML file."""

from __future__ import annotations

from collections.abc import Sequence

from lopa_bench.config import choices, conf_dir
from lopa_bench.errors import UserError
from lopa_bench.suggest import nearest

GROUPS = {
    "scale": "scales",
    "model": "models",
    "encoder": "instance encoders",
    "method": "methods",
    "task": "tasks",
    "recipe": "recipes",
    "tracker": "trackers",
    "experiment": "experiments",
}


def main(argv: Sequence[str]) -> int:
    """``lopa-bench list [GROUP …]``."""
    names = {**{plural: group for group, plural in GROUPS.items()}, **{group: group for group in GROUPS}}
    for word in argv:
        if word not in names:
            raise UserError(f"list {word}: there is no such group; nearest: list {nearest(word, names)}")
    for group in [names[word] for word in argv] or GROUPS:
        options = choices(group)
        if options:
            print(f"{GROUPS[group]} ({group}=…)")
            width = max(map(len, options))
            print("".join(f"  {option:<{width}}  {description(group, option)}\n" for option in options))
    return 0


def description(group: str, option: str) -> str:
    """The first comment line of ``conf/<group>/<option>.yaml``, Hydra's own (``# @package …``) left out."""
    lines = (conf_dir() / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if not line.startswith("# @")).removeprefix("#").strip()
