"""The report as one page: no network, no script, readable on a phone."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from lopa_bench.report.cells import Table
from lopa_bench.report.claims_text import HEADS, HOW, finding_cells, missing_commands, part_title, summary
from lopa_bench.report.diagnosis import diagnose
from lopa_bench.report.figures import Drawing, draw
from lopa_bench.report.figures.style import write_svg
from lopa_bench.report.render import header, line_texts
from lopa_bench.report.verdicts import CheckedClaim, check_claims
from lopa_bench.results.read import Runs


def write_page(output: Path, runs: Runs, scale: str, tables: Sequence[Table], *, fast: bool = False) -> None:
    """Write the page for these tables, with the claims and figures of the same runs."""
    checked = check_claims(runs, scale, fast=fast)
    page = _page(
        f"lopa-bench, scale {scale}" + (", FAST" if fast else ""),
        {
            "Claims": _claims(checked),
            "Tables": "".join(_table(table) for table in tables),
            "Figures": "".join(_figure(drawing) for drawing in draw(runs, scale, fast=fast)),
            "Runs that learnt nothing": _list(diagnose(runs.frame)),
            "Files left out": _list([*runs.warnings, *runs.refused]),
        },
        f"{len(runs.frame):,} runs.",
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")


def _page(title: str, sections: dict[str, str], lead: str) -> str:
    filled = {name: body for name, body in sections.items() if body}
    links = " · ".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in filled)
    bodies = "".join(
        f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2>{body}</section>' for name, body in filled.items()
    )
    return _PAGE.format(title=escape(title), style=_STYLE, links=links, lead=escape(lead), body=bodies)


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _table(table: Table) -> str:
    rows = [line_texts(table, line, "<b>{}</b>".format, escape) for line in table.lines]
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in table.notes)
    gaps = ""
    if table.commands:
        commands = escape("\n".join(table.commands))
        gaps = f"<details><summary>Missing cells ({escape(table.estimate)})</summary><pre>{commands}</pre></details>"
    kind = "" if table.ours else " class=paper"
    return (
        f"<article{kind}><h3>{escape(table.title)}</h3>{_grid(header(table), rows)}"
        f"<p class=note>{escape(table.caption)}</p>{notes}{gaps}</article>"
    )


def _grid(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{c}</td>' for c in row[1:])}</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _claims(checked: Sequence[CheckedClaim]) -> str:
    rows = [[escape(name), escape(text), _verdict(verdict)] for name, text, verdict in summary(checked)]
    parts = [_grid(("claim", "", "verdict"), rows), f"<p class=note>{escape(HOW)}</p>"]
    for claim in checked:
        grids = "".join(
            f"<h4>{escape(part_title(part))}</h4>"
            + _grid(HEADS, ([escape(cell) for cell in finding_cells(f)] for f in part.findings))
            for part in claim.parts
        )
        name = escape(f"{claim.claim.name} {claim.claim.text}")
        parts.append(f"<details><summary>{name}: {_verdict(claim.verdict)}</summary>{grids}</details>")
    commands = missing_commands(checked)
    if commands:
        text = escape("\n".join(commands))
        parts.append(f"<details><summary>Missing runs</summary><pre>{text}</pre></details>")
    return "".join(parts)


def _verdict(verdict: str) -> str:
    return f'<b class="{verdict.replace(" ", "-")}">{escape(verdict)}</b>'


def _figure(drawing: Drawing) -> str:
    buffer = io.BytesIO()
    write_svg(drawing.figure, buffer)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    caption = escape(drawing.caption)
    return (
        f'<figure><div class=wide><img alt="{caption}" src="data:image/svg+xml;base64,{data}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1><p>{lead}</p><nav>{links}</nav></header>
<main>{body}</main>
</body>
</html>
"""
_STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; padding: 1rem; max-width: 72rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { margin-top: 2.5rem; border-bottom: 2px solid #0072b2; }
h3 { margin: 1.8rem 0 .4rem; } h4 { margin: 1rem 0 .3rem; font-weight: 600; }
nav a, a { color: #0072b2; }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd; }
th { font-weight: 600; } tbody th { font-weight: 400; }
th:first-child { text-align: left; position: sticky; left: 0; background: inherit; }
thead tr, tbody tr, .paper { background: #fff; } .paper, .paper tr { background: #f4f4f0; }
.paper { padding: .1rem .8rem .6rem; border-left: 4px solid #bbb; }
#claims td { text-align: left; white-space: normal; min-width: 5rem; }
.note, figcaption { color: #555; font-size: .85rem; margin: .4rem 0; }
details { margin: .5rem 0; } summary { cursor: pointer; }
pre { overflow-x: auto; background: #f4f4f4; padding: .6rem; font-size: .8rem; }
figure { margin: 1.5rem 0; } img { max-width: 100%; min-width: 34rem; height: auto; }
.holds { color: #006b4f; } .fails { color: #b03a00; } .undecided, .no-runs { color: #666; }
li { overflow-wrap: anywhere; }
"""
