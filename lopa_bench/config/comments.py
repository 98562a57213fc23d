"""What the YAML of conf/ says behind each setting."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lopa_bench.config import files

_SETTING = re.compile(r"( *)(\w+):(.*)")


def comments(text: str, section: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and comment of every setting of a YAML file that has one behind it."""
    inside = [(-1, f"{section}." if section else "")]  # indentation and key of the sections that a line stands in
    for line in text.splitlines():
        if not (found := _SETTING.fullmatch(line)):
            continue
        depth, (name, rest) = len(found[1]), found.groups()[1:]
        while inside[-1][0] >= depth:
            inside.pop()
        key = inside[-1][1] + name
        inside.append((depth, f"{key}."))
        if comment := rest.partition(" # ")[2].strip():
            yield key, comment


def of_config(chosen: Mapping[str, str]) -> dict[str, str]:
    """Those of config.yaml and of the chosen file of each group, such as ``method`` -> ``lopa``."""
    found = dict(comments((files.conf_dir() / "config.yaml").read_text(encoding="utf-8")))
    for group, name in chosen.items():
        if files.is_choice(group, name):
            found |= comments(files.find(f"{group}/{name}").read_text(encoding="utf-8"), group)
    return found
