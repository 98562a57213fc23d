"""``lopa-bench list``: what there is to choose from, read from the first comment of each YAML file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import say

SUMMARY = "models, methods, tasks, scales, recipes and tables, one line each"
EXAMPLE = "lopa-bench list methods"
GROUPS = {
    "scale": "scales",
    "model": "models",
    "encoder": "instance encoders",
    "method": "methods",
    "task": "tasks",
    "recipe": "recipes",
    "tracker": "trackers",
}
TABLES = "tables (lopa-bench plan table=…, lopa-bench report table=…)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    group: tuple[str, ...] = option(f"only these: {', '.join([*GROUPS, 'tables'])}", (), shown="GROUP", bare=True)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    names = {**{plural: group for group, plural in GROUPS.items()}, **{group: group for group in [*GROUPS, "tables"]}}
    asked = words.read(Options, argv, "list").group
    for word in asked:
        if word not in names:
            raise UserError(f"list: {not_one_of('group', word, names)}")
    from lopa_bench.config.files import choices
    from lopa_bench.study.tables import tables

    for group in [names[word] for word in asked] or [*GROUPS, "tables"]:
        if group == "tables":
            _print(TABLES, {table.name: table.title for table in tables("paper")})
        else:
            _print(f"{GROUPS[group]} ({group}=…)", {option: description(group, option) for option in choices(group)})
    return 0


def _print(heading: str, options: dict[str, str]) -> None:
    width = max(map(len, options), default=0)
    say(heading, *(f"  {option:<{width}}  {line}" for option, line in options.items()), "")


def description(group: str, option: str) -> str:
    """The first comment of ``conf/<group>/<option>.yaml``, however many lines it goes on; Hydra's own (``# @package …``) left out."""
    from lopa_bench.config.files import find

    comment: list[str] = []
    for line in find(f"{group}/{option}").read_text(encoding="utf-8").splitlines():
        if line.startswith("# @"):
            continue
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
        if comment[-1].endswith("."):
            break
    return " ".join(comment)
