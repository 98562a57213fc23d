"""What a result was made with: the versions of the packages and the state of the checkout."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import lopa_bench
from lopa_bench.config.files import conf_dir
from lopa_bench.host.terminal import say

_PATIENCE = 30.0  # seconds for git to look at the checkout; on a network drive its first look is slow
_VERSIONED = ("torch", "transformers", "tokenizers", "peft", "datasets", "numpy")


@cache
def versions() -> dict[str, str]:
    """Python's and the packages' versions that a number may depend on."""
    found = {"python": platform.python_version(), "lopa-bench": lopa_bench.__version__}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "source"
    return found


# Of a git hook or alias that this may run under, whose repository need not be ours.
_OTHERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")


@cache
def git_state() -> dict[str, Any]:
    """Commit of the checkout the package runs from and whether the package or ``conf/`` differs from it, when this is first asked.

    Empty outside a checkout, and where git does not answer.
    """
    return checkout(Path(lopa_bench.__file__).parent, conf_dir())


def checkout(package: Path, *beside: Path) -> dict[str, Any]:
    """The commit that git keeps `package` at, and whether a file in it, or in what stands `beside` it, is another one or a new one now.

    Empty where git does not keep the package: installed in an environment inside somebody's own checkout, it is not of their commit.
    """

    environment = {name: value for name, value in os.environ.items() if name not in _OTHERS}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # to look is not to write their index

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=package, env=environment, capture_output=True, text=True, check=True, timeout=_PATIENCE
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changed = git("status", "--porcelain", "--untracked-files=normal", "--", ".", *map(str, beside))
        return {"commit": git("rev-parse", "HEAD"), "modified": bool(changed)}
    except subprocess.CalledProcessError as error:
        if "dubious ownership" in error.stderr:
            say(
                f"results name no commit: {package} is another user's (git config --global --add safe.directory …)",
                error=True,
            )
        return {}
    except subprocess.TimeoutExpired:
        say(f"results name no commit: git has not answered for {package} in {_PATIENCE:g} s", error=True)
        return {}
    except OSError:  # no git here
        return {}
