"""The model ``lopa`` of lm-evaluation-harness (entry point ``lm_eval.models``): a finished causal run with what it trained.

A harness that reads entry points (after 0.4.13) knows it once lopa-bench is installed; for any other this module is the same command line::

    python -m lopa_bench.run.harness --model lopa --model_args run=DIR --tasks hellaswag --limit 100
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from lopa_bench.errors import UserError
from lopa_bench.host.processes import processes, report
from lopa_bench.models.tokens import completion_ids, prompt_ids
from lopa_bench.run.harness.scoring import Scorer
from lopa_bench.run.trained import load_trained

MAX_GEN_TOKS = 256  # of a request that does not say, as with --model hf


@register_model("lopa")
class LopaLM(TemplateLM):
    """`--model_args run=DIR`; `batch_size` is the run's evaluation batch unless given. One process.

    Args:
        run: the directory of a finished run; or a `Scorer` that has its model already.
        models_dir, trust_remote_code: as of `load_trained`.
    """

    def __init__(
        self,
        run: str | Scorer,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: str | None = None,
        models_dir: str | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        super().__init__()
        size = int(batch_size) if batch_size and str(batch_size).isdigit() else None  # "auto": the run's
        if not isinstance(run, Scorer):
            here = str(processes().device)  # the harness says cuda:0 where there is none, too
            device = here if device is None or device.startswith("cuda") else device
            models = None if models_dir is None else Path(models_dir)
            config, model = load_trained(Path(run), device, models, trust_remote_code)
            run = Scorer(model, config, size)
        self.scorer, self.tokenizer = run, run.tokenizer

    @property
    def eot_token_id(self) -> int:
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        return self.scorer.begin

    @property
    def tokenizer_name(self) -> str:
        return str(self.tokenizer.name_or_path).replace("/", "__")

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """As a run reads an input; without special tokens, as it reads what follows one."""
        return (completion_ids if add_special_tokens is False else prompt_ids)(self.tokenizer, string)

    def _loglikelihood_tokens(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
        answers = self.scorer.likelihoods([(context, before, wanted) for (context, _), before, wanted in requests])
        for (pair, _, _), answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial("loglikelihood", pair, answer)
        return answers

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
        """Each text in windows that follow each other, each token once; a window's instance is the token before it."""
        answers = []
        for text in (request.args[0] for request in requests):
            tokens = self.tok_encode(text)
            windows = get_rolling_token_windows(tokens, self.prefix_token_id, self.scorer.room, context_len=1)
            parts = [make_disjoint_window(window) for window in windows]
            read = [self.tokenizer.decode(before, skip_special_tokens=True) for before, _ in parts]
            asked = [(words, before, wanted) for words, (before, wanted) in zip(read, parts, strict=True)]
            answers.append(sum(likelihood for likelihood, _ in self.scorer.likelihoods(asked)))
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), answers[-1])
        return answers

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """Requests of the same settings together."""
        groups: dict[str, list[int]] = {}
        for number, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(number)
        answers = [""] * len(requests)
        for numbers in groups.values():
            given = normalize_gen_kwargs(requests[numbers[0]].args[1], MAX_GEN_TOKS)
            stop, budget = handle_stop_sequences(given.pop("until"), eos=None), given.pop("max_gen_toks")
            contexts = [requests[number].args[0] for number in numbers]
            for number, text in zip(numbers, self.scorer.texts(contexts, budget, stop, given), strict=True):
                answers[number] = text
                self.cache_hook.add_partial("generate_until", requests[number].args, text)
        return answers


def main() -> int:
    """The harness's own command line; returns the exit status. What cannot be asked is one line, as anywhere."""
    from lm_eval.__main__ import cli_evaluate

    try:
        cli_evaluate()
    except UserError as error:
        return report(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
