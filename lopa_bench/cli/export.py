"""``lopa-bench export run=DIR to=DIR``: what a run trained, in a form that other programs use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lopa_bench.config.nearest import nearest
from lopa_bench.errors import UserError

USAGE = """\
usage: lopa-bench export run=DIR to=DIR

  run=DIR  the directory of a finished run (it holds result.json)
  to=DIR   a folder that is not there yet, or empty

LoRA, prefix tuning, P-tuning v2   a peft adapter folder
PT, IDPG, LOPA, DePT               a soft-prompt client (lopa_bench.serving.client.SoftPromptClient)
FFT                                a Hugging Face model folder
"""


def main(argv: Sequence[str]) -> int:
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return 0
    run, to = _folders(argv)
    print(f"{to}: {export(run, to)}")
    return 0


def _folders(argv: Sequence[str]) -> tuple[Path, Path]:
    given = dict(word.partition("=")[::2] for word in argv)
    for key in given:
        if key not in {"run", "to"}:
            raise UserError(f"export {key}: there is no such key; nearest: {nearest(key, ['run', 'to'])}=DIR")
    for key in ("run", "to"):
        if not given.get(key):
            raise UserError(f"export needs {key}=DIR: lopa-bench export run=DIR to=DIR")
    return Path(given["run"]).expanduser(), Path(given["to"]).expanduser()


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
    to.mkdir(parents=True, exist_ok=True)
    return config.method.export(model, config, to)
