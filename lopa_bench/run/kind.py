"""Whether a model of its kind, masked or causal, can be asked at all, told before anything is loaded. Imports no torch."""

from __future__ import annotations

from importlib.metadata import version

from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.models.files import ModelFiles, compared, kind_of


def check_kind(config: Config, files: ModelFiles) -> None:
    """Raise `UserError` for a kind that the task or the model's family is not for, named by who says it: the user, or the files."""
    kind, path = kind_of(config.model, files), f"model.path={config.model.path}"
    told = kind != files.kind
    way_out = f"; nearest: model.kind={files.kind}" if told else ""
    if told and not _has_class(files, kind):
        family = files.config.get("model_type")
        raise UserError(f"model.kind={kind}: {path} is of the family {family}, which has no {kind} LM{way_out}")
    if kind == "masked" and not config.task.label_words:
        said = f"model.kind=masked: {path}" if told else path
        raise UserError(f"{said} is a masked LM; task={config.task.name} needs a causal one{way_out}")
    config.task.for_kind(kind)
    if reason := files.refused(kind):
        said = f"model.kind={kind}" if told else path
        raise UserError(f"{said}: {reason}; docs/models.md lists the families that can be{way_out}")


def _has_class(files: ModelFiles, kind: str) -> bool:
    """Whether transformers may make a model of this kind: not where it makes one of the other kind alone of the family."""
    known, family = compared(), files.config.get("model_type")
    other = "causal" if kind == "masked" else "masked"
    return known["transformers"] != version("transformers") or family in known[kind] or family not in known[other]
