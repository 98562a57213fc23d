"""A finished run in the form of Every Eval Ever, which other people's tools read: an aggregate, and a line for each answer.

Source: https://github.com/evaleval/every_eval_ever , schema 0.3.0 of eval.schema.json and instance_level_eval.schema.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lopa_bench.errors import UserError
from lopa_bench.host.files import make_folder, write_text
from lopa_bench.metrics.metric import Metric
from lopa_bench.report.resampling import jackknife, scores_of
from lopa_bench.results.directory import load_result
from lopa_bench.results.predictions import read_predictions, share_correct
from lopa_bench.results.record import Result
from lopa_bench.tasks.known import as_run

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config
    from lopa_bench.tasks.example import Example

SCHEMA = "0.3.0"
OURS = "lopa-bench"  # collection and developer: what is scored is not the base model but what was learnt beside it


@dataclass(frozen=True)
class Written:
    """The files of a run; `answers` is None where a row has no right or wrong of its own (BLEU)."""

    aggregate: Path
    answers: Path | None


def write_eval(run: Path, to: Path, organization: str) -> Written:
    """Write the finished run in `run` below `to`, at the places that the datastore has for it. The same run gives the same files.

    Args:
        organization: who made the run.

    Raises:
        UserError: no finished run there, no predictions, or its rows cannot be read any more as they were.
    """
    path, result = load_result(run)
    lines = read_predictions(path)
    if not lines:
        raise UserError(f"run={run}: there are no predictions beside its result.json")
    config, examples = _asked(run, result)
    name = _name(result)
    folder = to / "data" / OURS / OURS / name
    number = uuid.UUID(bytes=hashlib.sha256(f"{result.digest}-{result.seed}".encode()).digest()[:16], version=4)
    about = {"schema_version": SCHEMA, "evaluation_id": f"{result.task}/{OURS}_{name}/{result.digest}"}
    record = {**about, **_aggregate(result, config, lines, organization)}
    text = _lines(result, config, about, examples, lines)
    make_folder(folder)
    if text:
        answers = folder / f"{number}_samples.jsonl"
        write_text(answers, text)
        record["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": answers.relative_to(to).as_posix(),
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(text.encode()).hexdigest(),
            "total_rows": len(lines),
        }
    write_text(folder / f"{number}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return Written(folder / f"{number}.json", answers if text else None)


def _name(result: Result) -> str:
    """The model's name, as a folder can have it."""
    return re.sub(r"[^\w.-]", "_", f"{result.model}-{result.method}")


def _asked(run: Path, result: Result) -> tuple[Config, Sequence[Example]]:
    """The run's config and what its model was asked, read again from where the rows were."""
    from lopa_bench.models.files import kind_of, locate
    from lopa_bench.run.inputs import examples_of
    from lopa_bench.run.records import read_records
    from lopa_bench.run.told import config_of

    config, _ = config_of(run)
    records = read_records(config)
    if records.fingerprints["test"] != result.data.fingerprints.get("test"):
        raise UserError(f"run={run}: the rows of task={result.task} are not those that it was scored on")
    model = config.model
    return config, examples_of(config, records, kind_of(model, locate(model.path, model.revision, config.offline)))[
        "test"
    ]


def _aggregate(result: Result, config: Config, lines: Sequence[Mapping[str, Any]], organization: str) -> dict[str, Any]:
    metrics = as_run(result.task, result.setting("task") or {}).metrics
    finished = str(int(datetime.fromisoformat(result.finished).timestamp())) if result.finished else "0"
    return {
        "evaluation_timestamp": finished,
        "retrieved_timestamp": finished,
        "source_metadata": {
            "source_name": OURS,
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": "first_party",
        },
        "eval_library": {"name": OURS, "version": result.versions.get(OURS, "unknown")},
        "model_info": {
            "name": f"{result.model} · {result.method}",
            "id": f"{OURS}/{_name(result)}",
            "developer": organization,
            "inference_engine": {"name": "transformers", "version": result.versions.get("transformers", "unknown")},
            "additional_details": {
                "deployment_type": "self_deployed",
                "model_availability": "open_weights",
                "base_model": result.model,
                "method": result.method,
                "trained_parameters": str(result.parameters.trained),
                "seed": str(result.seed),
                "digest": result.digest,
            },
        },
        "evaluation_results": [
            _result(result, config, metrics[name], value, lines)
            for name, value in result.metrics.items()
            if name in metrics
        ],
    }


def _result(
    result: Result, config: Config, metric: Metric, value: float, lines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """One metric: its value, and its standard error over rows where it is a sum over them."""
    scored, details = scores_of(lines, metric), dict[str, Any](score=value)
    if scored is not None and len(lines) > 1:
        error = float(np.std(jackknife(scored), ddof=1)) / math.sqrt(len(lines))
        details["uncertainty"] = {"standard_error": {"value": error, "method": "jackknife"}, "num_samples": len(lines)}
    return {
        "evaluation_result_id": metric.name,
        "evaluation_name": result.task,
        "source_data": _source(result, config),
        "metric_config": {
            "metric_id": metric.name,
            "metric_name": metric.label,
            "metric_unit": "percent" if metric.unit == "%" else metric.unit or "number",
            "lower_is_better": not metric.higher_is_better,
        },
        "score_details": details,
    }


def _source(result: Result, config: Config) -> dict[str, Any]:
    """Where the rows are from, each split with its fingerprint."""
    told = {f"{split}_fingerprint": value for split, value in result.data.fingerprints.items()}
    hub, rows = config.task.hub, result.data.rows[result.reported_split]
    if result.data.source == "hub" and hub is not None:
        told |= {"hf_config": hub.name} if hub.name else {}  # for which the form has no field of its own
        split = getattr(hub, result.reported_split)  # as the hub calls it: GLUE's test rows are its validation split
        named = {"hf_repo": hub.path, "hf_split": split, "samples_number": rows}
        return {"dataset_name": result.task, "source_type": "hf_dataset", **named, "additional_details": told}
    told |= {"source": result.data.source, "rows": str(rows)}
    return {"dataset_name": result.task, "source_type": "other", "additional_details": told}


def _lines(
    result: Result,
    config: Config,
    about: Mapping[str, Any],
    examples: Sequence[Example],
    lines: Sequence[Mapping[str, Any]],
) -> str:
    """A line for each answer of a task whose rows are right or wrong; empty for any other."""
    if not all("correct" in line for line in lines):
        return ""
    same = {**about, "model_id": f"{OURS}/{_name(result)}", "evaluation_name": result.task}
    same |= {"evaluation_result_id": result.metric, "interaction_type": "single_turn"}
    choices = list(config.task.label_words.values()) or None
    told = (_line(example, line, choices) for example, line in zip(examples, lines, strict=True))
    return "".join(json.dumps({**same, **each}, ensure_ascii=False) + "\n" for each in told)


def _line(example: Example, line: Mapping[str, Any], choices: list[str] | None) -> dict[str, Any]:
    wanted = line.get("references") or [line["target"]]
    said = line["prediction"] if isinstance(line["prediction"], list) else [line["prediction"]]
    counts = [
        each
        for each in (line["correct"] if isinstance(line["correct"], list) else [line["correct"]])
        if each is not None
    ]
    score = share_correct(line) if counts else 0.0
    hashed = json.dumps({"raw": example.input, "reference": wanted}, sort_keys=True)
    return {
        "sample_id": str(line["index"]),
        "sample_hash": hashlib.sha256(hashed.encode()).hexdigest(),
        "input": {"raw": example.input, "reference": [str(each) for each in wanted], "choices": choices},
        "output": {"raw": [str(each) for each in said]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": str(said[0]),
                "extraction_method": "none" if choices is None else "largest logit among the choices",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": score, "is_correct": score == 1.0},
        "error": None if counts else "it could not be judged",
    }
