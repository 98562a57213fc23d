"""``lopa-bench cost``: what each method costs the server and the client, for one customisation and for many.

A soft prompt, and the encoder that writes it, live at the client: the server keeps one untouched backbone however many customisations it
serves. LoRA, adapters, prefixes and fine-tuned weights live at the server, once per customisation.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from lopa_bench.errors import UserError
from lopa_bench.models import shapes
from lopa_bench.serving.bill import BYTES, CUSTOMISATIONS, Cost, cost, encoder_of, find, methods

SUMMARY = "bytes, FLOPs and latency at server and client, for 1 to 10,000 customisations"


def main(argv: Sequence[str]) -> int:
    """``lopa-bench cost [MODEL] [--tokens T] [--no-latency] [--json]``."""
    parser = argparse.ArgumentParser(prog="lopa-bench cost", description=__doc__)
    parser.add_argument(
        "model",
        nargs="?",
        default="mini:mini-mlm",
        help=f"mini:…, a folder, or one of {', '.join(shapes.names())}",
    )
    parser.add_argument("--tokens", type=int, default=64, help="length of the request (64)")
    parser.add_argument("--no-latency", action="store_true", help="closed forms only, nothing is measured")
    parser.add_argument("--json", action="store_true", help="one object for machines")
    given = parser.parse_args(argv)
    files = find(given.model)
    encoder_files, chosen = encoder_of(given.model, files), methods(given.model)
    longest = max(method.prompt_length for method in chosen)
    if not 1 <= given.tokens <= files.positions - longest:
        raise UserError(
            f"--tokens={given.tokens}: with {longest} virtual tokens {given.model} reads 1 to {files.positions - longest}"
        )
    backbone = shapes.build(files, "meta")
    encoder = backbone if encoder_files == files else shapes.build(encoder_files, "meta")
    costs = [cost(method, backbone, encoder, given.tokens) for method in chosen]
    backbone_bytes = backbone.model.num_parameters() * BYTES
    from lopa_bench.serving.latency import measure

    base = None
    if not given.no_latency:
        base, added = measure(chosen, files, encoder_files, given.tokens)
        costs = [
            dataclasses.replace(c, server_ms=ms.server, client_ms=ms.client) for c, ms in zip(costs, added, strict=True)
        ]
    if given.json:
        rows = [{**dataclasses.asdict(c), **_totals(c, backbone_bytes)} for c in costs]
        about = {"model": given.model, "tokens": given.tokens, "backbone_bytes": backbone_bytes, "backbone_ms": base}
        print(json.dumps({**about, "methods": rows}, indent=1))
    else:
        _print(costs, given.model, given.tokens, backbone_bytes, base)
    return 0


def _totals(one: Cost, backbone_bytes: int) -> dict[str, dict[int, int]]:
    return {
        "total_server_bytes": {n: one.at_server(backbone_bytes, n) for n in CUSTOMISATIONS},
        "total_client_bytes": {n: one.at_client(n) for n in CUSTOMISATIONS},
    }


def _print(costs: list[Cost], model: str, tokens: int, backbone_bytes: int, base: float | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, title=f"{model}, one request of {tokens} tokens, fp32", title_justify="left"
    )
    table.add_column("method")
    for heading in (
        *(f"server × {n:,}" for n in CUSTOMISATIONS),
        *(f"client × {n:,}" for n in CUSTOMISATIONS),
        *("tokens", "cached", "server GFLOP", "client GFLOP", "server ms", "client ms"),
    ):
        table.add_column(heading, justify="right")
    for one in costs:
        totals = _totals(one, backbone_bytes)
        table.add_row(
            one.method,
            *(size(value) for value in totals["total_server_bytes"].values()),
            *(size(value) for value in totals["total_client_bytes"].values()),
            *(f"+{n}" if n else "–" for n in (one.tokens, one.cached)),
            *(f"+{n / 1e9:.3g}" if n else "–" for n in (one.server_flops, one.client_flops)),
            *("–" if ms is None else f"{ms:+.1f}" for ms in (one.server_ms, one.client_ms)),
        )
    console = Console(width=200, highlight=False)
    console.print(table)
    if base is not None:
        console.print(
            f"The bare backbone takes {base:.1f} ms; server ms are beyond that (batch 1, random weights, this machine)."
        )


def size(count: int) -> str:
    """Bytes as people write them, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
