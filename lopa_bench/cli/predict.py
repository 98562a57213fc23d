"""``lopa-bench predict run=DIR inputs=FILE``: a finished run's answers to new inputs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from lopa_bench.cli import words
from lopa_bench.cli.options import models_dir, option, trust_remote_code
from lopa_bench.errors import UserError
from lopa_bench.host.files import check_writable, make_folder, write_text
from lopa_bench.host.terminal import say, say_json
from lopa_bench.results.directory import check_finished

SUMMARY = "a finished run on new inputs: labels with their scores, or texts, as JSON lines"
DETAILS = """\
A file of rows (CSV, TSV, JSONL, JSON or Parquet) has the columns that the run's task reads; the answer's column may be absent.
Of a task that reads one column it may be plain text, a line an input. Answers are those that the run's own evaluation would give."""
EXAMPLE = "lopa-bench predict run=runs/mini/rte/mini_mlm/lopa/0-123456789abc inputs=new.csv to=answers.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    run: Path = option("the directory of a finished run (it holds result.json)", shown="DIR")
    inputs: Path = option("the new inputs", shown="FILE")
    to: Path | None = option("file to write instead of the terminal", None, shown="FILE")
    models_dir: Path | None = models_dir()
    trust_remote_code: bool = trust_remote_code()


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "predict")
    check_finished(options.run)
    if not options.inputs.is_file():
        raise UserError(f"inputs={options.inputs}: there is no such file")
    if options.to is not None:
        if options.to.exists() and options.to.samefile(options.inputs):
            raise UserError(f"to={options.to} is the file of the inputs; name another")
        if options.to.exists() and options.to.resolve().parent == options.run.resolve():
            raise UserError(f"to={options.to} is a file of the run; name another")
        check_writable(options.to, "to")
    from lopa_bench.host.processes import processes
    from lopa_bench.run.ask import ask
    from lopa_bench.run.trained import load_trained

    device = str(processes().device)
    config, model = load_trained(options.run, device, options.models_dir, options.trust_remote_code)
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in ask(model, config, options.inputs)]
    if options.to is None:
        say_json("".join(lines))
        return 0
    make_folder(options.to.parent, "to")
    write_text(options.to, "".join(lines))
    say(f"{options.to}: {len(lines)} answers")
    return 0
