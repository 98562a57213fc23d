"""transformers' Trainer with peft, to measure our loop against."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import torch
from contest.flops import counted_flops
from contest.loops import Order, Rows

from lopa_bench.config.schema import Config
from lopa_bench.models.batches import encode_clozes


class TrainerWithPeft:
    """transformers' Trainer and peft on the same texts, batch size, rate and precision (fp32). Calling it gives examples per second.

    Args:
        labels: "words": the masked LM's, scored at the mask; "classes": a sequence classification's, which has no vocabulary to score.
    """

    def __init__(self, config: Config, rows: Rows, order: Order, labels: str, folder: Path) -> None:
        import peft
        import transformers as hf

        from lopa_bench.methods.lora import Lora, default_targets

        hf.set_seed(0)
        words = labels == "words"
        method = config.method
        load = hf.AutoModelForMaskedLM if words else hf.AutoModelForSequenceClassification
        model = load.from_pretrained(config.model.path)
        task_type = None if words else "SEQ_CLS"
        if isinstance(method, Lora):
            adapter: Any = peft.LoraConfig(
                task_type=task_type,
                r=method.rank,
                lora_alpha=round(method.alpha),
                lora_dropout=method.dropout,
                target_modules=default_targets(model),
            )
        else:
            adapter = peft.PromptTuningConfig(task_type=task_type, num_virtual_tokens=method.prompt_length)
        self.model = peft.get_peft_model(model, adapter)
        tokenizer = hf.AutoTokenizer.from_pretrained(config.model.path)
        encoded = encode_clozes(tokenizer, [rows.examples[i] for batch in order for i in batch], config.text_length)
        self.rows = [
            {"input_ids": list(r.ids), "attention_mask": [1] * len(r.ids), "labels": labels_of(r, words)}
            for r in encoded
        ]
        collator = hf.DataCollatorForTokenClassification if words else hf.DataCollatorWithPadding
        self.collator, self.size, self.folder, self.config = collator(tokenizer), len(order[0]), folder, config
        self._train(self.rows[: self.size])

    def __call__(self) -> float:
        return len(self.rows) / self._train(self.rows)

    def flops(self) -> float:
        """Of all matrix products for an example, those on padding too."""
        return counted_flops(lambda: self._train(self.rows)) / len(self.rows)

    def _train(self, rows: list[dict[str, Any]]) -> float:
        import transformers as hf

        seconds: list[float] = []

        class Clock(hf.TrainerCallback):
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                seconds.append(time.perf_counter())

            def on_train_end(self, *_: Any, **__: Any) -> None:
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                seconds.append(time.perf_counter())

        arguments = hf.TrainingArguments(
            output_dir=str(self.folder),
            num_train_epochs=1,
            per_device_train_batch_size=self.size,
            learning_rate=self.config.train.lr,
            train_sampling_strategy="sequential",  # the order was chosen, by its own rule
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        trainer = hf.Trainer(
            self.model, arguments, data_collator=self.collator, train_dataset=rows, callbacks=[Clock()]
        )
        trainer.remove_callback(hf.PrinterCallback)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # transformers' own use of a name that it deprecates
            trainer.train()
        return seconds[1] - seconds[0]


def labels_of(row: Any, words: bool) -> Any:
    """The target at the mask and -100 elsewhere, or a class."""
    if not words:
        return row.targets[0] % 2
    labels = [-100] * len(row.ids)
    labels[row.columns[0]] = row.targets[0]
    return labels
