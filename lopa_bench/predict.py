"""What an adapted model answers."""

from __future__ import annotations

import torch

from lopa_bench.config import Config
from lopa_bench.data import Split, word_id
from lopa_bench.methods.adapted import AdaptedModel


def predict(model: AdaptedModel, split: Split, config: Config) -> list[list[str]]:
    """Predicted strings of every row, in order."""
    return classify(model, split, list(config.task.label_words.values()), config.train.eval_batch_size)


@torch.no_grad()
def classify(model: AdaptedModel, split: Split, words: list[str], batch_size: int) -> list[list[str]]:
    """The label word with the largest logit at the mask, for every row in order, each as a list of one."""
    model.eval()
    word_ids = torch.tensor([word_id(model.backbone.tokenizer, word) for word in words], device=model.backbone.device)
    best = torch.empty(len(split), dtype=torch.long)
    for batch in split.by_length(batch_size):
        logits = model(batch.to(model.backbone.device))
        best[batch.index] = logits[:, word_ids].argmax(1).cpu()
    return [[words[i]] for i in best.tolist()]
