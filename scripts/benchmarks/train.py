"""Training: our loop as a run uses it, against other ways of doing the same work. On a GPU the shapes are the paper's.

Each contestant trains on batches that stand for a whole epoch of its own kind of batching, in turn with the others.
"""

from __future__ import annotations

import statistics
from typing import Any

import torch
from contest.flops import MATRIX, rate_in_precision_of
from contest.loops import Loop, Padded, Rows
from contest.measure import ROUNDS, Limit, comparison, in_turn, machine
from contest.trainer import TrainerWithPeft
from contest.workload import Workload, size_here, workload


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """Our loop against re-encoding, the official settings, Trainer + peft, and a large matrix product."""
    with workload(size_here(tiny)) as work:
        return compare(
            work, batches=1 if tiny else 16 if torch.cuda.is_available() else 6, rounds=1 if tiny else ROUNDS
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
    contestants: dict[str, Loop | TrainerWithPeft] = {
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
    }
    rates = in_turn(
        {
            **contestants,
            "product": lambda: rate_in_precision_of(fft["fft"].model.backbone),
            "product_auto": lambda: rate_in_precision_of(fft["fft_auto"].model.backbone),
        },
        rounds,
    )
    flops = {name: contestant.flops() for name, contestant in contestants.items()}
    faster = statistics.median(rates["product_auto"]) / statistics.median(rates["product"])
    useful = {name: of_real_tokens(loop) for name, loop in fft.items()}
    for name in fft:
        rates[name] = [rate * flops[name] * useful[name] for rate in rates[name]]
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "batch": size, "batches": batches}

    def against(ours: str, work_name: str, theirs: str, name: str, goal: float) -> dict[str, Any]:
        fewer = flops[theirs] / flops[ours]
        limit = Limit(fewer * faster, "FLOPs, at bf16's rate") if ours.endswith("_auto") else Limit(fewer, "FLOPs")
        return comparison(work_name, rates[ours], name, rates[theirs], goal, "examples/s", ran, limit)

    def of_product(ours: str, work_name: str, product_name: str) -> dict[str, Any]:
        limit = Limit(useful[ours], "padding")
        name = f"a {MATRIX}×{MATRIX} matrix product, FLOP/s"
        return comparison(work_name, rates[ours], name, rates[product_name], 0.5, "FLOP/s", ran, limit)

    again, unfrozen = (
        "the same loop, encoding each step, random order, fp32",
        "the official GLUE setting: encoder trained, random order, fp32",
    )
    comes, by_length = "Trainer + peft", "Trainer + peft, group_by_length"
    no_words = f"{by_length}, two classes instead of label words"
    return [
        against("lopa", "LOPA on RTE, frozen encoder, fp32", "re_encoding", again, 3.5),
        against("lopa_auto", "LOPA on RTE, frozen encoder, auto", "re_encoding", again, 4),
        against("lopa", "LOPA on RTE, frozen encoder, fp32", "official", unfrozen, 6),
        against("lora", "LoRA on RTE, fp32", "lora_trainer", comes, 1.8),
        against("lora", "LoRA on RTE, fp32", "lora_grouped", by_length, 1.05),
        against("lora", "LoRA on RTE, fp32", "lora_classes", no_words, 1.1),
        against("pt", "PT on RTE, fp32", "pt_trainer", f"{comes}, sequence classification", 1.8),
        against("pt", "PT on RTE, fp32", "pt_grouped", f"{by_length}, sequence classification", 1.1),
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
        of_product("fft", "FFT step on RTE, fp32, FLOP/s", "product"),
        of_product("fft_auto", "FFT step on RTE, auto, FLOP/s", "product_auto"),
    ]


def of_real_tokens(loop: Loop) -> float:
    """Share of the tokens in the batches of `loop` that are no padding."""
    lengths = [[len(loop.split.rows[i].ids) for i in batch] for batch in loop.split.batches]
    return sum(map(sum, lengths)) / sum(len(batch) * max(batch) for batch in lengths)
