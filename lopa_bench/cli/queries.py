"""Hydra's own flags that answer without running anything, their words checked before Hydra, whose answers take several lines."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError

INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
SHELLS = ("bash", "fish", "zsh")
TASKS = ("install", "uninstall", "query")  # of a shell's completion
LONG = {"-i": "--info", "-sc": "--shell-completion"}
FLAGS = ("--info", "--hydra-help", "--shell-completion")


def asked(argv: Sequence[str]) -> list[str] | None:
    """The words with each of the flags in its long form and by itself; None where there is no such flag."""
    words = []
    for word in argv:
        flag, equals, value = word.partition("=")
        flag = LONG.get(flag, flag)
        words += [flag, *([value] if equals else [])] if flag in FLAGS else [word]
    if "--info" in words:
        after = words[words.index("--info") + 1 :]
        if not after or "=" in after[0]:  # which Hydra would take for a topic
            words.insert(words.index("--info") + 1, "all")
    return words if set(FLAGS) & set(words) else None


def checked(words: Sequence[str]) -> list[str]:
    """The overrides among the words. Raises `UserError` for a flag, a topic or a shell that there is not."""
    words = list(words)
    for flag in {"-p", "--package"} & set(words) if "--info" in words else ():  # of which part Hydra shows
        del words[words.index(flag) : words.index(flag) + 2]
    flags = [word for word in words if word.startswith("-")]
    if unknown := next((flag for flag in flags if flag not in FLAGS), None):
        raise UserError(
            f"{unknown}: does not go with {next(flag for flag in flags if flag in FLAGS)}; leave one of them out"
        )
    if len(flags) > 1:
        raise UserError(f"{flags[1]}: {flags[0]} is answered alone; leave one of them out")
    rest = [word for word in words if word not in FLAGS]
    if flags == ["--shell-completion"]:
        _check_completion(rest)
    after = words[words.index(flags[0]) + 1 :]
    if flags == ["--info"]:
        if after[0] not in INFO:
            raise UserError(not_one_of("info", after[0], INFO))
        rest.remove(after[0])
    return rest


def _check_completion(words: Sequence[str]) -> None:
    """Raise `UserError` unless one shell is to be told, or forget, how words are completed."""
    told = [word.partition("=") for word in words if word.partition("=")[0] in TASKS]
    if len(told) != 1:
        raise UserError("shell-completion: takes one of install=SHELL and uninstall=SHELL; nearest: install=bash")
    ((task, _, shell),) = told
    if shell not in SHELLS:
        raise UserError(not_one_of(task, shell, SHELLS))
    if task == "query" and "COMP_LINE" not in os.environ:
        raise UserError(f"query={shell}: a shell asks that by itself, once it is told to; nearest: install={shell}")
