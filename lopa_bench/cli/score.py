"""``lopa-bench score``: score predictions made elsewhere, from files in the benchmarks' own formats."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, get_args

from lopa_bench.errors import UserError
from lopa_bench.metrics import nlg
from lopa_bench.metrics.files import programs as program_files
from lopa_bench.metrics.files import reading as files
from lopa_bench.metrics.files import texts as text_files
from lopa_bench.metrics.mteval import Variant

Scores = Mapping[str, float]


def main(argv: Sequence[str]) -> int:
    """``lopa-bench score BENCHMARK --predictions FILE … [--json]``.

    Raises:
        UserError: a file that cannot be read, counts that do not match, an unknown option.
    """
    arguments = _parser().parse_args(argv)
    score: Callable[[argparse.Namespace], tuple[Sequence[str], Scores]] = arguments.score
    expected, scores = score(arguments)
    missing = {name: why for name, why in nlg.missing().items() if name in expected}
    if arguments.json:
        print(json.dumps({**scores, **dict.fromkeys(missing), **({"missing": missing} if missing else {})}))
    else:
        _print_table(scores, missing)
    return 0


def _e2e(arguments: argparse.Namespace) -> tuple[Sequence[str], Scores]:
    outputs, references = text_files.read_e2e(arguments.predictions, arguments.references)
    return tuple(nlg.E2E), nlg.e2e(outputs, references, arguments.mteval)


def _webnlg(arguments: argparse.Namespace) -> tuple[Sequence[str], Scores]:
    outputs, references, categories = text_files.read_webnlg(arguments.predictions, arguments.references)
    options = {"rules": arguments.rules, "extra_empty_item": arguments.extra_empty_item}
    if categories is None:
        return tuple(nlg.WEBNLG), nlg.webnlg(outputs, references, **options)
    scores = nlg.webnlg_by_subset(outputs, references, categories, **options)
    return tuple(nlg.WEBNLG), {**_whole(scores), **scores}


def _whole(scores: Scores) -> Scores:
    """The scores over all categories under the metric's bare name."""
    return {name.removesuffix("_all"): value for name, value in scores.items() if name.endswith("_all")}


def _mbpp(arguments: argparse.Namespace) -> tuple[Sequence[str], Scores]:
    from lopa_bench.metrics import programs

    problems, completions = program_files.read_mbpp(arguments.predictions, arguments.problems)
    ks = _ks(arguments, completions)
    verdicts = programs.mbpp(problems, completions, **_sandbox(arguments, programs.MBPP_TIMEOUT))
    return (), _pass_at_k(verdicts, ks)


def _cruxeval(arguments: argparse.Namespace) -> tuple[Sequence[str], Scores]:
    from lopa_bench.metrics import programs

    problems, generations = program_files.read_cruxeval(arguments.predictions, arguments.problems)
    ks = _ks(arguments, generations)
    options = _sandbox(arguments, programs.CRUXEVAL_TIMEOUT)
    return (), _pass_at_k(programs.cruxeval(arguments.mode, problems, generations, **options), ks)


def _glue(arguments: argparse.Namespace) -> tuple[Sequence[str], Scores]:
    from lopa_bench.metrics.classification import METRICS
    from lopa_bench.metrics.metric import by_name
    from lopa_bench.metrics.metric import score as scores_of
    from lopa_bench.tasks.known import known

    task = known(arguments.task)
    if task.kind != "classification":
        raise UserError(f"score glue: task={task.name} is not answered by labels")
    # Where a task's labels are numbers themselves, these are the same as on the hub.
    classes = {str(number): label for number, label in enumerate(task.about.classes)}

    def labels(path: Path) -> list[str]:
        named = [
            classes.get(label, task.label_aliases.get(label, label)) for label in _labels(path, task.columns["label"])
        ]
        for number, label in enumerate(named, 1):
            if label not in task.label_words:
                raise UserError(
                    f"{path}, row {number}: {label!r} is no label of {task.name}: {', '.join(task.label_words)}"
                )
        return named

    predicted, gold = labels(arguments.predictions), labels(arguments.references)
    files.check_counts(arguments.predictions, predicted, arguments.references, gold, "label(s)")
    metrics = [METRICS[name](tuple(task.label_words), task.f1_label) for name in task.scored_by]
    return (), scores_of(
        by_name(metrics), [{"target": g, "prediction": p} for g, p in zip(gold, predicted, strict=True)]
    )


def _labels(path: Path, columns: Sequence[str]) -> list[str]:
    """One label a line, or the label column of a GLUE table."""
    lines = files.read_lines(path, marked=True)
    if path.suffix not in (".tsv", ".jsonl"):
        return lines
    from lopa_bench.tasks.rows import read_rows

    rows = read_rows(path)
    column = next((name for name in columns if rows and name in rows[0]), None)
    if column is None:
        raise UserError(f"{path}: no column {' or '.join(columns)}")
    for number, row in enumerate(rows, 1):
        if row.get(column) is None:
            raise UserError(f"{path}, row {number}: no {column}")
    return [str(row[column]) for row in rows]


def _ks(arguments: argparse.Namespace, samples: Sequence[Sequence[str]]) -> Sequence[int]:
    fewest = min(map(len, samples))
    if not arguments.k:
        return [k for k in arguments.official_k if k <= fewest]
    too_large = [k for k in arguments.k if not 1 <= k <= fewest]
    if too_large:
        raise UserError(f"--k {too_large[0]}: pass@k needs 1 <= k <= samples per problem, and some have {fewest}")
    return arguments.k


def _sandbox(arguments: argparse.Namespace, timeout_s: float) -> dict[str, object]:
    return {
        "timeout_s": arguments.timeout or timeout_s,
        "workers": arguments.workers,
        "allow_unsafe": arguments.allow_unsafe,
    }


def _pass_at_k(verdicts: Sequence[Sequence], ks: Sequence[int]) -> Scores:
    """pass@k, and ``official_pass@k`` where the official harness would have passed something else."""
    from lopa_bench.metrics.pass_at_k import mean_pass_at_k
    from lopa_bench.metrics.programs import passed

    ours = mean_pass_at_k([passed(each) for each in verdicts], ks)
    official = mean_pass_at_k([passed(each, official=True) for each in verdicts], ks)
    return ours if ours == official else {**ours, **{f"official_{name}": value for name, value in official.items()}}


def _print_table(scores: Scores, missing: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "value", "unit")
    for name, value in scores.items():
        table.add_row(name, f"{value:.4f}", _unit(name))
    for name in missing:
        table.add_row(name, "missing", _unit(name))
    console = Console()
    console.print(table)
    for reason in dict.fromkeys(missing.values()):
        names = ", ".join(name for name, why in missing.items() if why == reason)
        console.print(f"{names}: {reason}", soft_wrap=True, highlight=False)


def _unit(name: str) -> str:
    metric = nlg.E2E.get(name) or nlg.WEBNLG.get(name) or nlg.WEBNLG_BY_SUBSET.get(name)
    return metric.unit if metric else "%"


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not 0 < (value := kind(text)) < float("inf"):
            raise ValueError
        return value

    read.__name__ = f"positive {kind.__name__}"  # in argparse's message
    return read


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="lopa-bench score", description=__doc__, allow_abbrev=False)
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK", parser_class=_Parser)

    def add(name: str, score: Callable, help: str, predictions: str) -> argparse.ArgumentParser:
        added = benchmarks.add_parser(name, help=help, description=help, allow_abbrev=False)
        added.set_defaults(score=score)
        added.add_argument("--predictions", type=Path, required=True, metavar="FILE", help=predictions)
        added.add_argument("--json", action="store_true", help="print one JSON object")
        return added

    e2e = add(
        "e2e", _e2e, "BLEU, NIST, METEOR, ROUGE-L and CIDEr of the E2E challenge", "one output a line, or .tsv/.csv"
    )
    e2e.add_argument(
        "--references", type=Path, required=True, metavar="FILE", help="groups parted by blank lines, or .tsv/.csv"
    )
    e2e.add_argument(
        "--mteval", choices=get_args(Variant), default="perl", help="BLEU and NIST: the default scorer, or its -p"
    )

    webnlg = add("webnlg", _webnlg, "BLEU, TER, METEOR and chrF++ of WebNLG", "one output a line")
    webnlg.add_argument(
        "--references",
        type=Path,
        required=True,
        metavar="DIR|JSON",
        help="files reference0, reference1, …, or the JSON test set",
    )
    webnlg.add_argument(
        "--rules", choices=get_args(nlg.Rules), default="lora", help="LoRA's pipeline, or the 2017 challenge's"
    )
    webnlg.add_argument(
        "--extra-empty-item",
        action="store_true",
        help="score the end of the file as an instance of TER 1, as GenerationEval does",
    )

    mbpp = add("mbpp", _mbpp, "pass@k of MBPP, run in the sandbox", "mxeval samples: task_id, completion")
    cruxeval = add("cruxeval", _cruxeval, "pass@k of CRUXEval, run in the sandbox", '{"sample_0": [generation, …], …}')
    cruxeval.add_argument("--mode", choices=("input", "output"), required=True, help="what was generated")
    # The k of pass@k that the official scorers report, as far as there are that many samples.
    mbpp.set_defaults(official_k=(1, 10, 100))
    cruxeval.set_defaults(official_k=(1, 5))
    for code in (mbpp, cruxeval):
        code.add_argument("--problems", type=Path, required=True, metavar="JSONL")
        code.add_argument("--k", type=int, nargs="+", help="k of pass@k; by default those of the official scorer")
        code.add_argument(
            "--timeout",
            type=_positive(float),
            metavar="SECONDS",
            help="for one program; by default the official scorer's",
        )
        code.add_argument(
            "--workers", type=_positive(int), metavar="N", help="programs at a time; by default one per core"
        )
        code.add_argument("--allow-unsafe", action="store_true", help="run where the sandbox contains next to nothing")

    glue = add("glue", _glue, "accuracy and F1 as GLUE reports them", "one label a line, or a GLUE .tsv")
    glue.add_argument("--task", required=True, metavar="TASK", help="one with label words (lopa-bench list tasks)")
    glue.add_argument("--references", type=Path, required=True, metavar="FILE", help="one label a line, or a GLUE .tsv")
    return parser
