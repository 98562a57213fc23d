"""Outputs and references of E2E and WebNLG, in the formats of their own scorers."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lopa_bench.errors import UserError
from lopa_bench.host.files import csv_reader
from lopa_bench.metrics.files.reading import TABLES, Texts, check_counts, read_json, read_jsonl, read_lines, read_text
from lopa_bench.metrics.metric import first

# Column names that e2e-metrics takes for the meaning representation, the system's output and the references.
_SOURCE = {"mr", "mrs", "src", "source", "sources", "meaning representation", "da", "dialogue act"}
_OUTPUT = {"output", "outputs", "out", "sys", "system output", "ref", "reference"}
_REFERENCE = {"ref", "refs", "reference", "references", "target", "tgt", "trg", "human", "human reference"}
# Letters that went through a wrong decoding in systems' tables, and what e2e-metrics repairs them to.
_REPAIRS = {"Ł": "£", "Â£": "£", "Ã©": "é", "ã©": "é"}


def read_e2e(predictions: Path, references: Path) -> tuple[list[str], Texts]:
    """Outputs and references of the E2E challenge, as `e2e-metrics` reads them.

    Outputs: one a line, a .tsv/.csv table of sources and outputs, or a run's predictions.jsonl. References: those of one instance below
    each other and a blank line between instances (without any blank line, one reference a line), or a table of sources and references.

    Raises:
        UserError: the counts differ, an instance has no reference or no output, or a file cannot be read.
    """
    sources, outputs = _table(predictions, _OUTPUT) if _is_table(predictions) else (None, _outputs(predictions, _split))
    if not _is_table(references):
        groups = _groups(references)
    elif sources is None:
        groups = _stretches(references)
    else:
        groups = _joined(predictions, sources, references)
    check_counts(predictions, outputs, references, groups, "group(s) of references")
    return outputs, groups


def read_webnlg(predictions: Path, references: Path) -> tuple[list[str], Texts, list[str] | None]:
    """Outputs, references and, where known, categories of WebNLG.

    Args:
        references: a folder of files `reference0`, `reference1`, … as GenerationEval has them, or the JSON test set.

    Raises:
        UserError: as in :func:`read_e2e`.
    """
    outputs = _outputs(predictions, read_lines)
    if references.is_dir():
        groups, categories = _reference_files(references), None
    else:
        groups, categories = _webnlg_json(references)
    check_counts(predictions, outputs, references, groups, "instance(s)")
    return outputs, groups, categories


def _outputs(path: Path, lines: Callable[[Path], list[str]]) -> list[str]:
    """What stands under `prediction` in a run's predictions.jsonl, of several samples the first; else the lines of a file of plain text.

    Raises:
        UserError: another kind of table, whose syntax would be scored as text.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        texts = [first(row["prediction"]) for row in read_jsonl(path, ("prediction",))]
        if wrong := next((number for number, text in enumerate(texts, 1) if not isinstance(text, str)), None):
            raise UserError(f"{path}, row {wrong}: no text under prediction")
        return [text.strip() for text in texts]
    _check_plain(path, "one output a line, or .jsonl with the outputs under prediction")
    return lines(path)


def _check_plain(path: Path, wanted: str) -> None:
    """Raises `UserError` for a file that is no plain text by its name."""
    if path.suffix.lower() in TABLES:
        raise UserError(f"{path}: is read as {wanted}, not as {path.suffix}")


def _split(path: Path) -> list[str]:
    """Stripped lines, where every line boundary of Unicode ends one, as in e2e-metrics."""
    return [line.strip() for line in read_text(path).splitlines()]


def _groups(path: Path) -> Texts:
    _check_plain(path, "references one a line with a blank line between instances, or .tsv or .csv")
    groups: Texts = [[]]
    for number, line in enumerate(_split(path), 1):
        if line:
            groups[-1].append(line)
        elif groups[-1]:
            groups.append([])
        else:
            raise UserError(
                f"{path}, line {number}: a second blank line, or one at the start: an instance without references"
            )
    groups = groups if groups[-1] else groups[:-1]
    return [[text] for text in groups[0]] if len(groups) == 1 else groups


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in (".tsv", ".csv")


def _table(path: Path, names: set[str]) -> tuple[list[str], list[str]]:
    """The columns of sources and of texts, by their headings, without which e2e-metrics reads no table either."""
    lines = [line for line in (line.strip() for line in read_text(path, marked=True).splitlines()) if line]
    if not lines:
        raise UserError(f"{path}: has no rows")
    for wrong, right in _REPAIRS.items():
        lines = [line.replace(wrong, right) for line in lines]
    rows = _rows(path, lines)
    widths = Counter(map(len, rows))
    if len(widths) > 1:
        number = next(i for i, row in enumerate(rows, 1) if len(row) != len(rows[0]))
        raise UserError(f"{path}, row {number}: {len(rows[number - 1])} columns where the first row has {len(rows[0])}")
    headings = [heading.lower().replace("_", " ").strip() for heading in rows[0]]
    source = [i for i, heading in enumerate(headings) if heading in _SOURCE]
    text = [i for i, heading in enumerate(headings) if heading in names and i not in source]
    if len(source) != 1 or len(text) != 1:
        raise UserError(
            f"{path}: its first line is to name one column of sources ({', '.join(sorted(_SOURCE))}) "
            f"and one of texts ({', '.join(sorted(names))}), and is {', '.join(rows[0])}"
        )
    if len(rows) == 1:
        raise UserError(f"{path}: has no rows below its headings")
    return [row[source[0]] for row in rows[1:]], [row[text[0]] for row in rows[1:]]


def _rows(path: Path, lines: Sequence[str]) -> Texts:
    """The columns of each line. A quotation mark that a line does not close would take in the next ones without a word."""
    rows: Texts = []
    reader = csv_reader(lines, delimiter="\t" if "\t" in lines[0] else ",")
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num != len(rows):
                raise UserError(f'{path}, row {len(rows)}: begins a text with " that its line does not close')
    except csv.Error as error:
        raise UserError(f"{path}, row {reader.line_num}: {error}") from None
    return rows


def _stretches(path: Path) -> Texts:
    """The references of each run of equal sources in a table, as `e2e-metrics` groups it for outputs without sources."""
    found: Texts = []
    last = None
    for source, text in zip(*_table(path, _REFERENCE), strict=True):
        if source != last:
            found.append([])
        last = source
        found[-1] += [text] if text.strip() else []
    return _referenced(path, found)


def _joined(predictions: Path, sources: Sequence[str], references: Path) -> Texts:
    """All references of each of the outputs' `sources`, in that order, as `e2e-metrics` joins them.

    Raises:
        UserError: a source without a reference or without an output.
    """
    by_source: dict[str, list[str]] = {}
    for source, text in zip(*_table(references, _REFERENCE), strict=True):
        by_source.setdefault(source, [])
        by_source[source] += [text] if text.strip() else []
    if unknown := [source for source in sources if not by_source.get(source)]:
        raise UserError(f"{references}: no reference for the source {unknown[0]!r}")
    if missing := [source for source in by_source if source not in set(sources)]:
        raise UserError(
            f"{predictions}: no output for {len(missing)} of {len(by_source)} sources of {references}, the first is {missing[0]!r}"
        )
    return [by_source[source] for source in sources]


def _reference_files(folder: Path) -> Texts:
    """Files reference0, reference1, … of one line per instance; an empty line is a missing reference."""
    there = {path.name for path in folder.glob("reference*") if path.name.removeprefix("reference").isdecimal()}
    names = [f"reference{number}" for number in range(max(len(there), 1))]
    if absent := [name for name in names if name not in there]:
        beside = f" beside {max(there)}" if there else ""
        raise UserError(f"{folder}: no file {absent[0]} in it{beside}; they are numbered from 0 without a gap")
    columns = [read_lines(folder / name) for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise UserError(f"{folder / name} has {len(column)} lines and reference0 {len(columns[0])}")
    groups = [[text for text in texts if text] for texts in zip(*columns, strict=True)]
    empty = next((i for i, texts in enumerate(groups, 1) if not texts), None)
    if empty:
        raise UserError(f"{folder}, line {empty}: no reference in any of the files")
    return groups


def _webnlg_json(path: Path) -> tuple[Texts, list[str]]:
    """References (texts that are not marked as bad) and categories of WebNLG's JSON test set."""
    read = read_json(path)
    parts = read.get("entries") if isinstance(read, Mapping) else None
    if not isinstance(parts, list):
        raise UserError(f'{path}: not a WebNLG test set in JSON, which is {{"entries": [{{"1": {{…}}}}, …]}}')
    entries = [entry for part in parts for entry in (part.values() if isinstance(part, Mapping) else [part])]
    if wrong := next(((number, fault) for number, fault in enumerate(map(_fault_of, entries), 1) if fault), None):
        raise UserError(f"{path}: entry {wrong[0]} has {wrong[1]}")
    groups = [[text["lex"] for text in entry["lexicalisations"] if is_good(text)] for entry in entries]
    return _referenced(path, groups), [entry["category"] for entry in entries]


def _referenced(path: Path, groups: Texts) -> Texts:
    """The groups; raises `UserError` where one has no reference."""
    if empty := [number for number, texts in enumerate(groups, 1) if not texts]:
        raise UserError(
            f"{path}: {len(empty)} of {len(groups)} instances have no usable reference, the first is number {empty[0]}"
        )
    return groups


def _fault_of(entry: Any) -> str | None:
    """What an entry of WebNLG lacks to be scored; None where it is whole."""
    for name in ("category", "lexicalisations"):
        if not isinstance(entry, Mapping) or name not in entry:
            return f"no {name}"
    return fault_of_texts(entry["lexicalisations"]) or (
        None if isinstance(entry["category"], str) else "no text in category"
    )


def fault_of_texts(texts: Any) -> str | None:
    """What the texts of a WebNLG entry have that nothing can be scored by; None where they are whole."""
    if not isinstance(texts, list) or not all(
        isinstance(text, Mapping) and isinstance(text.get("lex"), str) for text in texts
    ):
        return "no texts under lex"
    return None if all(isinstance(text.get("comment"), str | None) for text in texts) else "a comment that is no text"


def is_good(text: Mapping[str, Any]) -> bool:
    """Whether a text of WebNLG counts: not blank, and commented as good (release 1) or not at all (release 3), not as toFix or bad."""
    return bool(text["lex"].strip()) and (text.get("comment") or "good").strip().lower() == "good"
