"""The report as one page: no network, one small script of its own, readable on a phone and in the dark."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from lopa_bench.host.files import make_folder, write_text
from lopa_bench.report.cells import Table
from lopa_bench.report.claims_text import HEADS, HOW, asking, finding_cells, missing_commands, part_title, tally
from lopa_bench.report.diagnosis import diagnose
from lopa_bench.report.figures import Drawing, draw
from lopa_bench.report.figures.style import write_svg
from lopa_bench.report.findings import CheckedClaim
from lopa_bench.report.listing import FIELDS, list_runs, provenance
from lopa_bench.report.texts import caption, grid, unfilled
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import Runs


@dataclass(frozen=True)
class Section:
    """A part of the page, and what the table of contents lists under it, as (anchor, text)."""

    title: str
    body: str
    entries: Sequence[tuple[str, str]] = ()

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-")


def write_page(output: Path, runs: Runs, scale: str, tables: Sequence[Table], *, fast: bool = False) -> None:
    """Write the page for these tables, with the claims and figures of the same runs."""
    checked = check_claims(runs, scale, fast=fast)
    drawings = draw(runs, scale, fast=fast)
    sections = [
        Section("Claims", _claims(checked)),
        Section("Tables", "".join(map(_table, tables)), _entries([table for table in tables if table.ours])),
        Section("Figures", "".join(map(_figure, drawings)), [(f"figure-{d.name}", d.title) for d in drawings]),
        Section("Runs that learnt nothing", _list(diagnose(runs.frame))),
        Section("Files left out", _list(runs.complaints)),
        Section("Runs", _runs(runs, scale)),
    ]
    page = _page(f"lopa-bench, scale {scale}" + (", FAST" if fast else ""), sections, provenance(runs))
    make_folder(output.parent)
    write_text(output, page)


def _page(title: str, sections: Sequence[Section], facts: Iterable[tuple[str, str]]) -> str:
    filled = [section for section in sections if section.body]
    parts = Path(__file__).with_name("page")
    return Template((parts / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        style=(parts / "page.css").read_text(encoding="utf-8"),
        script=(parts / "page.js").read_text(encoding="utf-8"),
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts),
        contents="".join(map(_contents, filled)),
        body="".join(f'<section id="{s.anchor}"><h2>{escape(s.title)}</h2>{s.body}</section>' for s in filled),
    )


def _contents(section: Section) -> str:
    entries = "".join(f'<li><a href="#{anchor}">{escape(text)}</a></li>' for anchor, text in section.entries)
    return f'<li><a href="#{section.anchor}">{escape(section.title)}</a>{f"<ul>{entries}</ul>" if entries else ""}</li>'


def _entries(tables: Sequence[Table]) -> list[tuple[str, str]]:
    """Their anchors and titles, a title up to its colon where that tells it from the others."""
    begun = Counter(table.title.partition(":")[0] for table in tables)
    short = {title: title.partition(":")[0] for title in (t.title for t in tables)}
    return [(f"table-{t.name}", short[t.title] if begun[short[t.title]] == 1 else t.title) for t in tables]


def _table(table: Table) -> str:
    heads, *rows = grid(table.filled, "<b>{}</b>".format, escape)
    shown = _grid(heads, rows) if rows else ""
    about = [*unfilled(table), *([caption(table)] if rows else []), *table.notes]
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in about)
    kind = "" if table.ours else " class=paper"
    return (
        f'<article id="table-{table.name}"{kind}><h3>{escape(table.title)}</h3>{shown}{notes}'
        f"{_commands(f'Missing cells ({table.estimate})', table.commands)}</article>"
    )


def _grid(heads: Iterable[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table of texts that are HTML already."""
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{c}</td>' for c in row[1:])}</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _claims(checked: Sequence[CheckedClaim]) -> str:
    claims = "".join(map(_claim, checked))
    how = " ".join(filter(None, [HOW, asking(checked)]))
    return f"{claims}<p class=note>{escape(how)}</p>{_commands('Missing runs', missing_commands(checked))}"


def _claim(claim: CheckedClaim) -> str:
    """A line with its verdict that opens on the numbers behind it."""
    parts = "".join(
        f"<h4>{escape(part_title(part))}</h4>"
        + _grid(HEADS, ([escape(cell) for cell in finding_cells(f)] for f in part.findings), "words")
        for part in claim.parts
    )
    verdict = f'<b class="verdict {claim.verdict.replace(" ", "-")}">{escape(claim.verdict)}</b>'
    text = f"<span><b>{claim.claim.name}</b> {escape(claim.claim.text)} <small>{escape(tally(claim))}</small></span>"
    return f'<details id="{claim.claim.name}" class=claim><summary>{verdict}{text}</summary>{parts}</details>'


def _commands(title: str, commands: Iterable[str]) -> str:
    text = escape("\n".join(commands))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>" if text else ""


def _figure(drawing: Drawing) -> str:
    buffer = io.BytesIO()
    write_svg(drawing.figure, buffer)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    image = f'<img alt="{escape(drawing.caption)}" src="data:image/svg+xml;base64,{data}">'
    return (
        f'<figure id="figure-{drawing.name}"><h3>{escape(drawing.title)}</h3><div class=wide>{image}</div>'
        f"<figcaption>{escape(drawing.caption)}</figcaption></figure>"
    )


def _runs(runs: Runs, scale: str) -> str:
    """Every run, for the page's script to sort and filter."""
    rows = [[escape(text) for text in run.texts()] for run in list_runs(runs, scale)]
    heads = (f'<button type="button">{escape(head)}</button>' for head in FIELDS)
    search = (
        '<p><input type="search" placeholder="filter, e.g. rte lopa" aria-label="filter runs"> <output></output></p>'
    )
    return search + _grid(heads, rows, "runs") if rows else ""


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
