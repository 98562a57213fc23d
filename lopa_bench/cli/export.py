"""``lopa-bench export run=DIR to=DIR``: what a run trained, in a form that other programs use."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import models_dir, option, trust_remote_code
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import make_folder, why_not_writable
from lopa_bench.host.terminal import say
from lopa_bench.results.directory import TRAINED, check_finished

SUMMARY = "a run's adapter or prompt for use elsewhere"
DETAILS = """\
LoRA, DoRA, VeRA, prefix tuning, P-tuning v2   a peft adapter folder
PT, IDPG, LOPA and their variants, DePT,       a soft-prompt client (lopa_bench.serving.client.SoftPromptClient); PT of a causal LM with
ADePT, Input-Tuning, ID-SPAM, SMoP             form=peft a peft adapter folder, too
FFT                                            a Hugging Face model folder"""
EXAMPLE = "lopa-bench export run=runs/mini/rte/mini_mlm/lopa/0-123456789abc to=exported/rte"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    run: Path = option("the directory of a finished run (it holds result.json)", shown="DIR")
    to: Path = option("a folder that is not there yet, or empty", shown="DIR")
    form: Literal["own", "peft"] = option(
        "own: the method's own; peft: for peft.PeftModel, where peft has the method", "own"
    )
    card: bool = option("write a model card (README.md) with scores, counts, data and command", False)
    licence: str | None = option(
        "of the exported weights, as the hub names it (apache-2.0), for the card", None, shown="NAME"
    )
    push: str | None = option(
        "upload the folder, card included, to this repository of the hub", None, shown="OWNER/NAME"
    )
    private: bool = option("a repository that push makes is private", True)
    models_dir: Path | None = models_dir()
    trust_remote_code: bool = trust_remote_code()


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "export")
    if options.licence is not None and not (options.card or options.push):
        raise UserError(f"licence={options.licence} is stated by the card, and none is written; nearest: card=true")
    if options.push is not None:
        from lopa_bench.serving.publish import check_push

        check_push(options.push)
    written = export(
        *(options.run, options.to, options.form, options.card or options.push is not None, options.licence),
        models_dir=options.models_dir,
        trust_remote_code=options.trust_remote_code,
    )
    say(f"{options.to}: {written}")
    if options.push is not None:
        from lopa_bench.serving.publish import push

        say(push(options.to, options.push, options.private, f"lopa-bench export of {options.run.name}"))
    return 0


def export(
    run: Path,
    to: Path,
    form: str = "own",
    with_card: bool = False,
    licence: str | None = None,
    models_dir: Path | None = None,
    trust_remote_code: bool = False,
) -> str:
    """Export the run in `run` to the folder `to`; what was written, in words.

    Args:
        form: the method's own, or peft's. with_card: a README.md too, that states `licence`.
        models_dir, trust_remote_code: as of `lopa_bench.run.trained.load_trained`.

    Raises:
        UserError: `run` holds no finished run, `to` is in use, or the method has nothing to export in this form.
    """
    check_finished(run)
    _check_unused(to)
    from lopa_bench.report.card import card, command_of

    if not (run / TRAINED).is_file():
        raise UserError(
            f"run={run}: has no {TRAINED}, as published runs have none that is large or of another seed than 0; "
            f"make it whole with `{command_of(run)}`, then export that one"
        )
    from safetensors import SafetensorError

    from lopa_bench.run.trained import load_trained

    config, model = load_trained(run, models_dir=models_dir, trust_remote_code=trust_remote_code)
    if config.readout == "classifier":
        raise UserError(
            f"run={run}: its classifier would have to stand at the server; nearest: a run with readout=label_words"
        )
    _check_unused(to)  # still, after a model was loaded: what is written there goes with a failure
    made = not to.exists()
    make_folder(to)
    try:
        written = (config.method.export_peft if form == "peft" else config.method.export)(model, config, to)
        if with_card:
            (to / "README.md").write_text(card(run, config, written, licence), encoding="utf-8")
        _set_modes(to)
    except BaseException as error:  # nothing to export, no card, a full disk, Ctrl-C: the folder is left as it was
        for each in to.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        if made:
            to.rmdir()
        if isinstance(error, (OSError, SafetensorError)):  # which the library that writes weights has for a full disk
            raise RunFailed(f"to={to} cannot be written ({getattr(error, 'strerror', None) or error})") from error
        raise
    return written


def _check_unused(to: Path) -> None:
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"to={to} is in use; name a new folder")
    if reason := why_not_writable(to):
        raise UserError(f"to={to} cannot be made: {reason}")


def _set_modes(folder: Path) -> None:
    """Give each file below `folder` the mode of a new one, 0666 less the umask: safetensors makes its files for their owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o666 & ~mask)
