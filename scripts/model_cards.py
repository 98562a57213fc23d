"""The model cards of the embedded models: everything that determined the weights, and how the training went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import torch


def masked_card(
    recipe: Any,
    facts: dict[str, float],
    right: dict[str, float],
    curve: dict[int, tuple[float, float]],
    device: torch.device,
) -> str:
    """Of mini-mlm.

    Args:
        facts: its parameters, the tokens it read, and minutes. right: percent of masked words found.
        curve: step -> mean losses at answer words and at others over the hundred steps before it.
    """
    losses = "\n".join(f"| {step} | {curve[step][0]:.3f} | {curve[step][1]:.3f} |" for step in shown(curve))
    return f"""{front_matter("fill-mask")}
# mini-mlm

A masked language model of {facts["parameters"]:,} parameters (RoBERTa architecture), made from
scratch for the embedded scale of lopa-bench. It has read facts, stories, exchanges and reviews of a
small invented world, all written by `lopa_bench.mini.corpus`. The text holds no template of a task.
It is for adapting to the embedded tasks `rte`, `mnli`, `sst2`, `mrpc`, `qqp` and `qnli` and for
nothing else.

Made by `python scripts/pretrain_mini.py mlm` in {facts["minutes"]:.0f} minutes on
{hardware(device)}, PyTorch {torch.__version__}, bfloat16 autocast, stored in float16. It read
{facts["tokens"]:,} tokens, none of them twice.

On passages it has not read it finds {right["answers"]:.1f} % of the masked answer words
(Yes, No, Maybe, great, terrible) and {right["others"]:.1f} % of the other masked words, most of
which names, kinds and places nothing in the passage tells.

| setting | value |
|---|---|
{settings(recipe)}

Mean losses of the last hundred steps:

| step | answer words | other words |
|---|---|---|
{losses}
"""


def causal_card(recipe: Any, parameters: int, curve: dict[int, float], minutes: float, device: torch.device) -> str:
    """Of mini-clm; `curve` has the mean loss of the hundred steps before each step."""
    losses = "\n".join(f"| {step} | {curve[step]:.3f} |" for step in shown(curve))
    return f"""{front_matter("text-generation")}
# mini-clm

A causal language model of {parameters:,} parameters (Llama architecture), made from scratch for the
embedded scale of lopa-bench. It has read short Python functions with what they return or under a
docstring, read-eval-print sessions, worked exercises, notes on Python, restaurant guides and
encyclopedia cards, in many layouts but the tasks' own, all written by `lopa_bench.mini.clm_corpus`.
The text holds nothing of a validation or test set. It is for adapting to the embedded tasks `mbpp`,
`cruxeval_i`, `cruxeval_o`, `e2e` and `webnlg` and for nothing else.

Made by `python scripts/pretrain_mini.py clm` in {minutes:.0f} minutes on {hardware(device)},
PyTorch {torch.__version__}, bfloat16 autocast, stored in float16.
It read {recipe.steps * recipe.batch * recipe.row:,} tokens, none of them twice.

| setting | value |
|---|---|
{settings(recipe)}

| step | mean loss of the last hundred steps |
|---|---|
{losses}

The tokenizer is a byte-level BPE. Digits are tokens of their own, and so are the letters of quoted
values, so that programs can be executed letter by letter. `<|endoftext|>` closes a document,
`<|pad|>` pads.
"""


def front_matter(task: str) -> str:
    """What the hub reads at the head of a card."""
    return f"---\nlicense: apache-2.0\nlibrary_name: transformers\npipeline_tag: {task}\n---\n"


def settings(recipe: Any) -> str:
    """The rows of a recipe's table."""
    return "\n".join(f"| {name} | {value} |" for name, value in asdict(recipe).items())


def shown(steps: Iterable[int]) -> list[int]:
    """The first of the curve's steps, every 400th and the last."""
    steps = list(steps)
    return [step for step in steps if step in (steps[0], steps[-1]) or step % 400 == 0]


def hardware(device: torch.device) -> str:
    """What the training ran on."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU thread(s)"
