"""What lm-evaluation-harness asks of a model, answered by an adapted one in the batches of our own evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lopa_bench.config.schema import Config, Generation
from lopa_bench.config.typed import fill
from lopa_bench.errors import NotFinite, UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Row, Split
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.models.tokens import new_text, prompt_ids
from lopa_bench.run.inputs import encode_for_encoder
from lopa_bench.run.predict import batched
from lopa_bench.tasks.example import Example

SAMPLING = ("temperature", "top_p", "num_beams", "length_penalty")  # of a request, by our own names


class Scorer:
    """Likelihoods and texts of an adapted causal model.

    The instance encoder, where there is one, reads the context of a request, as in training: never the words whose likelihood is asked.

    Attributes:
        room: tokens that context and continuation may have together, beside the method's own positions.
    """

    def __init__(self, model: AdaptedModel, config: Config, batch_size: int | None = None) -> None:
        if model.backbone.kind != "causal":
            raise UserError(
                f"model={config.model.name}: a masked LM has no likelihood of a continuation; "
                "nearest: lopa-bench retention run=DIR tasks=sst2, which asks our own tasks"
            )
        if model.classifier is not None:
            raise UserError("readout=classifier: there are no logits of words; nearest: a run with readout=label_words")
        self.model, self.config, self.tokenizer = model.eval(), config, model.backbone.tokenizer
        self.batch_size = batch_size or config.train.eval_batch_size
        self.room = model.backbone.files.positions - config.method.prompt_length

    @torch.no_grad()
    def likelihoods(self, asked: Sequence[tuple[str, Sequence[int], Sequence[int]]]) -> list[tuple[float, bool]]:
        """The log-likelihood of each continuation after its context, and whether each of its tokens is the likeliest.

        Args:
            asked: the text that the instance encoder reads, the context's tokens and the continuation's. A context is cut from the left.

        Raises:
            UserError: a continuation that does not fit, or is empty. NotFinite: logits that are NaN or infinite.
        """
        split = self._split(
            [self._row(context, wanted) for _, context, wanted in asked], [text for text, _, _ in asked]
        )
        total, greedy = torch.zeros(len(asked)), torch.ones(len(asked), dtype=torch.bool)
        for batch in split.by_length(self.batch_size):
            logits = self.model(batch.to(self.model.backbone.device)).cpu()
            if not logits.isfinite().all():
                raise NotFinite("logits of continuations are")
            rows = batch.index[batch.rows]
            total.index_add_(0, rows, logits.log_softmax(-1).gather(1, batch.targets.unsqueeze(1)).squeeze(1))
            greedy[rows[logits.argmax(-1) != batch.targets]] = False
        return list(zip(total.tolist(), greedy.tolist(), strict=True))

    def texts(
        self, contexts: Sequence[str], budget: int, stop_words: Sequence[str], given: Mapping[str, Any]
    ) -> list[str]:
        """At most `budget` new tokens after each context, up to the first stop word.

        Args:
            given: `do_sample` and those of `SAMPLING` that the request sets; greedy without.

        Raises:
            UserError: a key that is none of these, a value that is none of its, or a budget that leaves the context no room.
        """
        if budget >= self.room:
            raise UserError(f"max_gen_toks={budget}: the model has {self.room} positions for context and text together")
        tokens = [prompt_ids(self.tokenizer, text)[-(self.room - budget) :] for text in contexts]
        split = self._split([Row(ids or [self.begin], (), ()) for ids in tokens], contexts, side="left")
        spec = GenerationSpec(decoding(given), tuple(stop_words), budget, self.config.seed)
        new = batched(self.model, split, spec, [budget] * len(split), self.batch_size, self.room)
        return [new_text(self.tokenizer, ids, budget, list(stop_words)) for (ids,) in new]

    @property
    def begin(self) -> int:
        """The token that stands before a text without a context."""
        tokenizer = self.tokenizer
        return int(tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id)

    def _row(self, context: Sequence[int], wanted: Sequence[int]) -> Row:
        if len(wanted) > self.room:
            raise UserError(f"a continuation of {len(wanted)} tokens: the model has {self.room} positions for it")
        if not wanted:
            raise UserError("a continuation without a token: there is nothing to be likely")
        ids = [*(context or [self.begin]), *wanted][
            -(self.room + 1) : -1
        ]  # lm-eval leaves nothing of a context of blanks
        return Row(ids, range(len(ids) - len(wanted), len(ids)), wanted)

    def _split(self, rows: list[Row], texts: Sequence[str], side: str = "right") -> Split:
        split = Split(rows, self.tokenizer.pad_token_id, side=side)
        if self.model.encoder is not None:
            encode_for_encoder(self.model.encoder, split, self.config, [Example(text, "") for text in texts], "causal")
        return split


def decoding(given: Mapping[str, Any]) -> Generation:
    """A request's sampling as our settings."""
    values = dict(given)
    drawn, beams = values.pop("do_sample", False), values.get("num_beams", 1) > 1
    if unknown := next((key for key in values if key not in SAMPLING), None):
        raise UserError(
            f"gen_kwargs {unknown}={values[unknown]}: not known here; there are do_sample, {', '.join(SAMPLING)}"
        )
    if not drawn:
        values["temperature"] = 1.0  # lm-eval's word for greedy decoding is temperature 0
    settings = {"temperature": 1.0, "top_p": 1.0, "num_beams": 1, "length_penalty": 1.0, **values}
    fixed = {"max_new_tokens": None, "num_samples": 1, "count_prompt": False, "select_rows": None}
    return fill(
        Generation,
        {**settings, **fixed, "decoding": "sample" if drawn else "beam" if beams else "greedy"},
        "gen_kwargs",
    )
