"""Training: our loop as a run uses it, against other ways of doing the same work. On a GPU the shapes are the paper's.

Each contestant trains on batches that stand for a whole epoch of its own kind of batching, in turn with the others.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from contest.loops import Loop, Padded, Rows
from contest.measure import ROUNDS, comparison, in_turn, machine
from contest.trainer import TrainerWithPeft
from contest.workload import Workload, size_here, workload

from lopa_bench.models.flops import forward_flops

MATRIX = 2048  # rows and columns of the product that a step's rate is compared with
PRODUCTS = 5


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """Our loop against re-encoding, the official settings, Trainer + peft, and a large matrix product."""
    with workload(size_here(tiny)) as work:
        return compare(
            work, batches=1 if tiny else 64 if torch.cuda.is_available() else 6, rounds=1 if tiny else ROUNDS
        )


def compare(work: Workload, batches: int, rounds: int) -> list[dict[str, Any]]:
    size, code_size = 16, 2  # rows per batch, the paper's
    rte, mbpp = Rows.of(work.config("rte", "none")), Rows.of(work.config("mbpp", "none"))
    bucketed, random, grouped = (rte.sample(order(size), batches) for order in (rte.bucketed, rte.random, rte.grouped))
    code, code_random = (mbpp.sample(order(code_size), 3 * batches) for order in (mbpp.bucketed, mbpp.random))

    def rte_loop(method: str, *overrides: str, order: Any = bucketed, **how: Any) -> Loop:
        return Loop(work.config("rte", method, "train.clip=1", *overrides), rte, order, **how)

    def trainer(method: str, labels: str, order: Any) -> TrainerWithPeft:
        return TrainerWithPeft(work.config("rte", method), rte, order, labels, work.folder / "trainer")

    def padded(everywhere: bool) -> Loop:
        config = work.config("mbpp", "lopa")
        return Loop(config, mbpp, code_random, split=Padded, re_encode=True, fused=False, everywhere=everywhere)

    fft = {"fft": rte_loop("fft"), "fft_auto": rte_loop("fft", "precision=auto")}
    rates = in_turn(
        {
            "lopa": rte_loop("lopa"),
            "lopa_auto": rte_loop("lopa", "precision=auto"),
            "re_encoding": rte_loop("lopa", order=random, re_encode=True),
            "official": rte_loop("lopa", "method.freeze_encoder=false", order=random, fused=False),
            "lora": rte_loop("lora"),
            "lora_trainer": trainer("lora", "words", random),
            "lora_grouped": trainer("lora", "words", grouped),
            "lora_classes": trainer("lora", "classes", grouped),
            "pt": rte_loop("pt"),
            "pt_trainer": trainer("pt", "classes", random),
            "pt_grouped": trainer("pt", "classes", grouped),
            "mbpp": Loop(work.config("mbpp", "lopa"), mbpp, code),
            "mbpp_padded": padded(everywhere=False),
            "mbpp_official": padded(everywhere=True),
            **fft,
            "product": lambda: product_rate(fft["fft"]),
            "product_auto": lambda: product_rate(fft["fft_auto"]),
        },
        rounds,
    )
    for name, loop in fft.items():
        rates[name] = [rate * step_flops(loop) for rate in rates[name]]
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "batch": size, "batches": batches}

    def against(
        ours: str, work_name: str, theirs: str, name: str, goal: float, unit: str = "examples/s"
    ) -> dict[str, Any]:
        return comparison(work_name, rates[ours], name, rates[theirs], goal, unit, ran)

    again, unfrozen = (
        "the same loop, encoding each step, random order, fp32",
        "the official GLUE setting: encoder trained, random order, fp32",
    )
    comes, by_length = "Trainer + peft", "Trainer + peft, group_by_length"
    no_words = f"{by_length}, two classes instead of label words"
    product = f"a {MATRIX}×{MATRIX} matrix product, FLOP/s"
    return [
        against("lopa", "LOPA on RTE, frozen encoder, fp32", "re_encoding", again, 2.5),
        against("lopa_auto", "LOPA on RTE, frozen encoder, auto", "re_encoding", again, 4),
        against("lopa", "LOPA on RTE, frozen encoder, fp32", "official", unfrozen, 4),
        against("lora", "LoRA on RTE, fp32", "lora_trainer", comes, 1.8),
        against("lora", "LoRA on RTE, fp32", "lora_grouped", by_length, 1.05),
        against("lora", "LoRA on RTE, fp32", "lora_classes", no_words, 1),
        against("pt", "PT on RTE, fp32", "pt_trainer", f"{comes}, sequence classification", 1.8),
        against("pt", "PT on RTE, fp32", "pt_grouped", f"{by_length}, sequence classification", 1.05),
        against(
            "mbpp",
            "LOPA on MBPP, frozen encoder, fp32",
            "mbpp_padded",
            "official padding (581 and 512 tokens), encoding each step",
            5,
        ),
        against(
            "mbpp",
            "LOPA on MBPP, frozen encoder, fp32",
            "mbpp_official",
            "the same, with logits at every position as the official code has them",
            5,
        ),
        against("fft", "FFT step on RTE, fp32, FLOP/s", "product", product, 0.5, "FLOP/s"),
        against("fft_auto", "FFT step on RTE, auto, FLOP/s", "product_auto", product, 0.5, "FLOP/s"),
    ]


def step_flops(loop: Loop) -> float:
    """Of forward and backward pass per example, of the real tokens only: padding is no work."""
    backbone, total = loop.model.backbone, 0
    width, vocabulary = backbone.config.hidden_size, backbone.config.vocab_size
    for row in loop.split.rows:
        n = len(row.ids)
        total += forward_flops(backbone.body, backbone.config, n, n, causal=False)
        total += 2 * len(row.columns) * width * (width + vocabulary)
    return 3 * total / len(loop.split)


def product_rate(loop: Loop) -> float:
    """FLOP/s of a large matrix product in the precision that the loop computes in."""
    backbone = loop.model.backbone
    matrix = torch.randn(MATRIX, MATRIX, device=backbone.device, dtype=backbone.dtype)
    matrix @ matrix
    synchronize()
    started = time.perf_counter()
    for _ in range(PRODUCTS):
        matrix @ matrix
    synchronize()
    return PRODUCTS * 2 * MATRIX**3 / (time.perf_counter() - started)


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
