"""``lopa-bench export run=DIR to=DIR``: what a run trained, in a form that other programs use."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import make_folder
from lopa_bench.host.terminal import say

SUMMARY = "a run's adapter or prompt for use elsewhere"
DETAILS = """\
LoRA, prefix tuning, P-tuning v2   a peft adapter folder
PT, IDPG, LOPA, DePT               a soft-prompt client (lopa_bench.serving.client.SoftPromptClient)
FFT                                a Hugging Face model folder"""
EXAMPLE = "lopa-bench export run=runs/mini/rte/mini_mlm/lopa/0-123456789abc to=exported/rte"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    run: Path = option("the directory of a finished run (it holds result.json)", shown="DIR")
    to: Path = option("a folder that is not there yet, or empty", shown="DIR")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "export")
    say(f"{options.to}: {export(options.run, options.to)}")
    return 0


def export(run: Path, to: Path) -> str:
    """Export the run in `run` to the folder `to`; what was written, in words.

    Raises:
        UserError: `run` holds no finished run, `to` is in use, or the method has nothing to export.
    """
    if not (run / "result.json").is_file():
        raise UserError(f"run={run}: there is no finished run (result.json) there")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"to={to} is in use; name a new folder")
    from lopa_bench.run.trained import load_trained

    config, model = load_trained(run)
    if config.readout == "classifier":
        raise UserError(
            f"run={run}: its classifier would have to stand at the server; nearest: a run with readout=label_words"
        )
    make_folder(to)
    try:
        return config.method.export(model, config, to)
    except OSError as error:  # a full disk; the libraries that write have other names for it
        raise RunFailed(f"to={to} cannot be written ({error.strerror or error})") from error
