"""``lopa-bench list``: what there is to choose from, read from the first comment of each YAML file."""

from __future__ import annotations

from collections.abc import Sequence

from lopa_bench.config.files import choices, find
from lopa_bench.config.nearest import nearest
from lopa_bench.errors import UserError
from lopa_bench.study.tables import tables

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
TABLES = "tables (lopa-bench plan experiment=…, lopa-bench report --table …)"


def main(argv: Sequence[str]) -> int:
    """``lopa-bench list [GROUP …]``."""
    names = {**{plural: group for group, plural in GROUPS.items()}, **{group: group for group in [*GROUPS, "tables"]}}
    for word in argv:
        if word not in names:
            raise UserError(f"list {word}: there is no such group; nearest: list {nearest(word, names)}")
    for group in [names[word] for word in argv] or [*GROUPS, "tables"]:
        if group == "tables":
            _print(TABLES, {table.name: table.title for table in tables("paper")})
        elif options := choices(group):
            _print(f"{GROUPS[group]} ({group}=…)", {option: description(group, option) for option in options})
    return 0


def _print(heading: str, options: dict[str, str]) -> None:
    print(heading)
    width = max(map(len, options))
    print("".join(f"  {option:<{width}}  {line}\n" for option, line in options.items()))


def description(group: str, option: str) -> str:
    """The first comment line of ``conf/<group>/<option>.yaml``, Hydra's own (``# @package …``) left out."""
    lines = find(f"{group}/{option}").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if not line.startswith("# @")).removeprefix("#").strip()
