"""``lopa-bench cost``: what each method costs the server and the client, for one customisation and for many.

A soft prompt, and the encoder that writes it, live at the client: the server keeps one untouched backbone however many customisations it
serves. LoRA, adapters, prefixes and fine-tuned weights live at the server, once per customisation.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import printable, say, write
from lopa_bench.models import shapes
from lopa_bench.report.terminal import console_of_reports, print_grid, printed
from lopa_bench.serving.bill import BYTES, CUSTOMISATIONS, Cost, cost, encoder_of, find, methods

if TYPE_CHECKING:
    from lopa_bench.serving.latency import Timing

SUMMARY = "bytes, FLOPs and latency at server and client, for 1 to 10,000 customisations"
EXAMPLE = "lopa-bench cost roberta_large tokens=128 --no-latency"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    model: str = option("mini:…, a folder, or a known shape", "mini:mini-mlm", shown="MODEL", bare=True)
    tokens: int = option("length of the request", 64, shown="N", at_least=1)
    latency: bool = option("false: closed forms only, nothing is measured", True)
    json: bool = option("one object for machines", False)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    given = words.read(Options, argv, "cost")
    files = find(given.model)
    encoder_files, chosen = encoder_of(given.model, files), methods(given.model)
    longest = max(method.prompt_length for method in chosen)
    if not given.tokens <= files.positions - longest:
        raise UserError(
            f"cost: tokens={given.tokens}: with {longest} virtual tokens {given.model} reads 1 to {files.positions - longest}"
        )
    backbone = shapes.build(files, "meta")
    encoder = backbone if encoder_files == files else shapes.build(encoder_files, "meta")
    costs = [cost(method, backbone, encoder, given.tokens) for method in chosen]
    backbone_bytes = backbone.model.num_parameters() * BYTES
    from lopa_bench.serving.latency import measure

    base = None
    if given.latency:
        base, added = measure(chosen, files, encoder_files, given.tokens)
        costs = [one.with_latency(latency) for one, latency in zip(costs, added, strict=True)]
    if given.json:
        rows = [{**dataclasses.asdict(c), **_totals(c, backbone_bytes)} for c in costs]
        about = {
            "model": given.model,
            "tokens": given.tokens,
            "backbone_bytes": backbone_bytes,
            "backbone_ms": base and base.ms,
        }
        say(json.dumps({**about, "methods": rows}, indent=1))
    else:
        _print(costs, given.model, given.tokens, backbone_bytes, base)
    return 0


def _totals(one: Cost, backbone_bytes: int) -> dict[str, dict[int, int]]:
    return {
        "total_server_bytes": {n: one.at_server(backbone_bytes, n) for n in CUSTOMISATIONS},
        "total_client_bytes": {n: one.at_client(n) for n in CUSTOMISATIONS},
    }


def _print(costs: list[Cost], model: str, tokens: int, backbone_bytes: int, base: Timing | None) -> None:
    headings = (
        "method",
        *(f"server × {n:,}" for n in CUSTOMISATIONS),
        *(f"client × {n:,}" for n in CUSTOMISATIONS),
        *("tokens", "cached", "server GFLOP", "client GFLOP", "server ms", "client ms"),
    )
    lines = [list(headings)]
    for one in costs:
        totals = _totals(one, backbone_bytes)
        cells = [
            one.method,
            *(size(value) for value in totals["total_server_bytes"].values()),
            *(size(value) for value in totals["total_client_bytes"].values()),
            *(f"+{n}" if n else "–" for n in (one.tokens, one.cached)),
            *(f"+{n / 1e9:.3g}" if n else "–" for n in (one.server_flops, one.client_flops)),
            *(
                milliseconds(*ms)
                for ms in ((one.server_ms, one.server_ms_spread), (one.client_ms, one.client_ms_spread))
            ),
        ]
        lines.append([printable(cell) for cell in cells])
    say(f"{model}, one request of {tokens} tokens, fp32")
    console = console_of_reports()
    print_grid(console, lines)
    write(printed(console), sys.stdout)
    if base is not None:
        say(
            f"The bare backbone takes {base.ms:.1f} ± {base.spread:.1f} ms; server ms are beyond that (batch 1, random weights, this "
            "machine): the median and half of the interquartile range, and not measurable where that is larger."
        )


def milliseconds(ms: float | None, spread: float | None) -> str:
    """What was measured with its spread, if it is more than that."""
    if not ms or spread is None:
        return "–"
    return f"{ms:+.1f} ± {spread:.1f}" if ms > spread else "not measurable"


def size(count: int) -> str:
    """Bytes as people write them, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
