"""Packages for one purpose each, which an extra of lopa-bench installs. They are looked for here, and imported where they are used."""

from __future__ import annotations

from importlib.util import find_spec

from lopa_bench.errors import UserError

# Package, as it is imported -> our extra that installs it.
EXTRAS = {
    "datasets": "hub",
    "lm_eval": "harness",
    "matplotlib": "figures",
    "pyarrow": "parquet",
    "pycocoevalcap": "nlg",
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "wandb": "wandb",
}


def lacking(package: str) -> str | None:
    """How to get a package that is not installed; None for one that is."""
    try:
        there = find_spec(package) is not None
    except ValueError:  # a module that was put in place without a spec
        there = True
    install = f"'lopa-bench[{EXTRAS[package]}]'" if package in EXTRAS else package
    return None if there else f"needs the package {package}: pip install {install}"


def require(package: str, what: str) -> None:
    """Raise `UserError` where `what` the user asked for needs a package that is not installed."""
    if way := lacking(package):
        raise UserError(f"{what} {way}")
