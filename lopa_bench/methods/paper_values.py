"""Methods with the hyperparameters that the paper gives them. Imports no torch."""

from __future__ import annotations

from typing import Any

from lopa_bench.config.compose import load_config
from lopa_bench.config.files import cached_by_sources, choices, read
from lopa_bench.config.recipe import families
from lopa_bench.config.scale import models_of
from lopa_bench.methods.base import Method
from lopa_bench.models import shapes


@cached_by_sources
def at_scale(method: str, recipe: str, model: str) -> Method:
    """The method's hyperparameters at paper scale, for a task that the paper gives to `model`, in this recipe where the task has it."""
    task = task_for(model)
    known = families(recipe)
    other = [f"recipe={recipe}"] if known is None or task["family"] in known else []
    return load_config(["scale=paper", f"task={task['name']}", f"method={method}", *other]).method


@cached_by_sources
def task_for(model: str) -> dict[str, Any]:
    """The first task of the family whose model at paper scale is `model`, else of one whose model is of the same kind."""
    models = models_of("paper")
    kind = shapes.files(model).kind
    families = [family for family, name in models.items() if name == model] or [
        family for family, name in models.items() if shapes.files(name).kind == kind
    ]
    tasks = (read(f"task/{name}") for name in choices("task"))
    return next(task for task in tasks if task["family"] in families and task["files"])  # not the user's own
