"""``lopa-bench score``: score predictions made elsewhere, from files in the benchmarks' own formats."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import Choice, option
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.metrics import nlg
from lopa_bench.metrics.files import programs as program_files
from lopa_bench.metrics.files import texts as text_files
from lopa_bench.metrics.metric import Scores
from lopa_bench.metrics.mteval import Variant

SUMMARY = "score outputs made elsewhere: e2e, webnlg, mbpp, cruxeval or glue"
EXAMPLE = "lopa-bench score e2e predictions=outputs.txt references=references.txt"
# The k of pass@k that the official scorers report, as far as there are that many samples.
MBPP_K, CRUXEVAL_K = (1, 10, 100), (1, 5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What every benchmark takes."""

    predictions: Path = option("what is scored, in the benchmark's own format", shown="FILE")
    json: bool = option("print one JSON object", False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class E2E(Options):
    predictions: Path = option("one output a line, or .tsv/.csv", shown="FILE")
    references: Path = option("groups parted by blank lines, or .tsv/.csv", shown="FILE")
    mteval: Variant = option("BLEU and NIST: the default scorer, or its -p", "perl")


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebNLG(Options):
    predictions: Path = option("one output a line", shown="FILE")
    references: Path = option("files reference0, reference1, …, or the JSON test set", shown="DIR|JSON")
    rules: nlg.Rules = option("LoRA's pipeline, or the 2017 challenge's", "lora")
    extra_empty_item: bool = option("score the end of the file as an instance of TER 1, as GenerationEval does", False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Programs(Options):
    """What the benchmarks that run programs in the sandbox take."""

    problems: Path = option("the benchmark's problems", shown="JSONL")
    k: tuple[int, ...] = option("k of pass@k; by default those of the official scorer", (), shown="K")
    timeout: float | None = option("for one program; by default the official scorer's", None, shown="SECONDS", above=0)
    workers: int | None = option("programs at a time; by default one per core", None, shown="N", at_least=1)
    allow_unsafe: bool = option("run where the sandbox contains next to nothing", False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MBPP(Programs):
    predictions: Path = option("mxeval samples: task_id, completion", shown="FILE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CRUXEval(Programs):
    predictions: Path = option('{"sample_0": [generation, …], …}', shown="FILE")
    mode: Literal["input", "output"] = option("what was generated")


@dataclasses.dataclass(frozen=True, kw_only=True)
class GLUE(Options):
    predictions: Path = option("one label a line, or a GLUE .tsv", shown="FILE")
    references: Path = option("one label a line, or a GLUE .tsv", shown="FILE")
    task: str = option("one with label words (lopa-bench list tasks)", shown="TASK")


OPTIONS = Choice("benchmark", {"e2e": E2E, "webnlg": WebNLG, "mbpp": MBPP, "cruxeval": CRUXEval, "glue": GLUE})


def main(argv: Sequence[str]) -> int:
    """``lopa-bench score BENCHMARK predictions=FILE … [json=true]``.

    Raises:
        UserError: a file that cannot be read, counts that do not match, an unknown option.
    """
    benchmark, options = words.choose(OPTIONS, argv, "score")
    expected, scores = _SCORERS[benchmark](options)
    missing = {name: why for name, why in nlg.missing().items() if name in expected}
    if options.json:
        say(json.dumps({**scores, **dict.fromkeys(missing), **({"missing": missing} if missing else {})}))
    else:
        _print_table(scores, missing)
    return 0


def _e2e(options: E2E) -> tuple[Sequence[str], Scores]:
    outputs, references = text_files.read_e2e(options.predictions, options.references)
    return tuple(nlg.E2E), nlg.e2e(outputs, references, options.mteval)


def _webnlg(options: WebNLG) -> tuple[Sequence[str], Scores]:
    outputs, references, categories = text_files.read_webnlg(options.predictions, options.references)
    how: dict[str, Any] = {"rules": options.rules, "extra_empty_item": options.extra_empty_item}
    if categories is None:
        return tuple(nlg.WEBNLG), nlg.webnlg(outputs, references, **how)
    scores = nlg.webnlg_by_subset(outputs, references, categories, **how)
    return tuple(nlg.WEBNLG), {**_whole(scores), **scores}


def _whole(scores: Scores) -> Scores:
    """The scores over all categories under the metric's bare name."""
    return {name.removesuffix("_all"): value for name, value in scores.items() if name.endswith("_all")}


def _mbpp(options: MBPP) -> tuple[Sequence[str], Scores]:
    from lopa_bench.metrics import programs

    problems, completions = program_files.read_mbpp(options.predictions, options.problems)
    ks = _ks(options.k, MBPP_K, completions)
    verdicts = programs.mbpp(problems, completions, **_sandbox(options, programs.MBPP_TIMEOUT))
    return (), _pass_at_k(verdicts, ks)


def _cruxeval(options: CRUXEval) -> tuple[Sequence[str], Scores]:
    from lopa_bench.metrics import programs

    problems, generations = program_files.read_cruxeval(options.predictions, options.problems)
    ks = _ks(options.k, CRUXEVAL_K, generations)
    verdicts = programs.cruxeval(options.mode, problems, generations, **_sandbox(options, programs.CRUXEVAL_TIMEOUT))
    return (), _pass_at_k(verdicts, ks)


def _glue(options: GLUE) -> tuple[Sequence[str], Scores]:
    from lopa_bench.metrics.metric import score as scores_of
    from lopa_bench.tasks.glue import Glue
    from lopa_bench.tasks.known import known
    from lopa_bench.tasks.labels import PREDICTED, Labels, matched, read_labels

    task = known(options.task)
    if not isinstance(task, Glue):
        raise UserError(f"score glue: task={task.name} is not answered by labels")
    if not task.label_words:
        raise UserError(f"score glue: task={task.name} has no classes of its own; name one that has, such as task=sst2")
    # Where a task's labels are numbers themselves, these are the same as on the hub.
    classes = {str(number): label for number, label in enumerate(task.about.classes)}

    def labels(path: Path, *first: str) -> Labels:
        read = read_labels(path, [*first, *task.columns["label"]], task.header)
        named = [classes.get(label, task.label_aliases.get(label, label)) for label in read.labels]
        for number, label in enumerate(named, 1):
            if label not in task.label_words:
                raise UserError(
                    f"{path}, row {number}: {label!r} is no label of {task.name}: {', '.join(task.label_words)}"
                )
        return dataclasses.replace(read, labels=named)

    predicted, gold = matched(labels(options.predictions, *PREDICTED), labels(options.references))
    lines = [{"target": g, "prediction": p} for g, p in zip(gold, predicted, strict=True)]
    return (), scores_of(task.metrics_over_labels, lines)


def _ks(asked: Sequence[int], official: Sequence[int], samples: Sequence[Sequence[str]]) -> Sequence[int]:
    fewest = min(map(len, samples))
    if not asked:
        return [k for k in official if k <= fewest]
    too_large = [k for k in asked if not 1 <= k <= fewest]
    if too_large:
        raise UserError(f"score: k={too_large[0]}: pass@k needs 1 <= k <= samples per problem, and some have {fewest}")
    return asked


def _sandbox(options: Programs, timeout_s: float) -> dict[str, Any]:
    return {
        "timeout_s": options.timeout or timeout_s,
        "workers": options.workers,
        "allow_unsafe": options.allow_unsafe,
    }


def _pass_at_k(verdicts: Sequence[Sequence[Any]], ks: Sequence[int]) -> Scores:
    """pass@k, and ``official_pass@k`` where the official harness would have passed something else."""
    from lopa_bench.metrics.pass_at_k import mean_pass_at_k
    from lopa_bench.metrics.programs import passed

    ours = mean_pass_at_k([passed(each) for each in verdicts], ks)
    official = mean_pass_at_k([passed(each, official=True) for each in verdicts], ks)
    return ours if ours == official else {**ours, **{f"official_{name}": value for name, value in official.items()}}


def _print_table(scores: Scores, missing: Mapping[str, str]) -> None:
    lines = table("metric", "value", "unit")
    for name, value in scores.items():
        add_row(lines, (name, f"{value:.4f}", _unit(name)))
    for name in missing:
        add_row(lines, (name, "missing", _unit(name)))
    show(lines)
    for reason in dict.fromkeys(missing.values()):
        names = ", ".join(name for name, why in missing.items() if why == reason)
        say(f"{names}: {reason}")


def _unit(name: str) -> str:
    metric = nlg.E2E.get(name) or nlg.WEBNLG.get(name) or nlg.WEBNLG_BY_SUBSET.get(name)
    return metric.unit if metric else "%"


_SCORERS: Mapping[str, Callable[[Any], tuple[Sequence[str], Scores]]] = {
    "e2e": _e2e,
    "webnlg": _webnlg,
    "mbpp": _mbpp,
    "cruxeval": _cruxeval,
    "glue": _glue,
}
