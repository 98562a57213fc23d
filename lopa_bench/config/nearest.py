"""The nearest valid choice to a mistyped word, where there is one that is near."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

NEAR = (
    0.6  # of `likeness`, as in difflib.get_close_matches: "rt" and "rte" are 0.8 alike, "squad" and "cruxeval_i" 0.27
)

ELSEWHERE = {  # what peft and transformers call it -> what it is called here
    "prompt_tuning": "pt",
    "prefix": "prefix_tuning",
    "r": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "prompt_length": "num_virtual_tokens",
    "bs": "batch_size",
    "learning_rate": "lr",
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch_size",
    "per_device_eval_batch_size": "eval_batch_size",
    "gradient_accumulation_steps": "accumulate",
    "max_grad_norm": "clip",
    "max_seq_length": "max_length",
    "warmup_ratio": "warmup",
    "lr_scheduler_type": "schedule",
    "bf16": "precision",
}


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option that `word` is elsewhere, else the one most like it; None where none is like it.

    Letters in common, in order, count; a shared last part of a dotted key counts first.
    """
    options = list(options)
    section, _, last = word.rpartition(".")
    for option in options:
        if last in ELSEWHERE and option.rpartition(".")[2] == ELSEWHERE[last] and option.startswith(section):
            return option
    likest = max(options, key=lambda option: likeness(word, option), default=None)
    return likest if likest is not None and likeness(word, likest)[0] >= NEAR else None


def likeness(word: str, option: str) -> tuple[float, float]:
    """How alike two keys are, 0 to 1: the whole or the last part, whichever is more; then the whole.

    Letters are compared whatever their case and width: a keyboard set to another script writes ``ｒｔｅ``.
    """
    a, b = (unicodedata.normalize("NFKC", text).casefold() for text in (word, option))
    whole = difflib.SequenceMatcher(None, a, b).ratio()
    last = difflib.SequenceMatcher(None, a.rsplit(".", 1)[-1], b.rsplit(".", 1)[-1]).ratio()
    return max(whole, last), whole


def is_near(word: str, option: str, bound: float = NEAR) -> bool:
    return likeness(word, option)[0] >= bound


def hint(word: str, options: Iterable[str], form: str = "{}") -> str:
    """``; nearest: …`` for the end of an error, or nothing where no option is near; `form` says how one is written."""
    near = nearest(word, options)
    return "" if near is None else f"; nearest: {form.format(near)}"


def not_one_of(key: str, value: str, options: Iterable[str]) -> str:
    """E.g. ``task=rt is not one of mnli, rte; nearest: task=rte``."""
    options = list(options)
    return f"{key}={value} is not one of {', '.join(options)}{hint(value, options, f'{key}={{}}')}"
