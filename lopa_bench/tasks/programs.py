"""Tasks whose answers are run: MBPP (MBXP's release) and CRUXEval, in the authors' split and the official prompts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import Field

from lopa_bench.config.fields import settings
from lopa_bench.errors import UserError
from lopa_bench.metrics import pass_at_k
from lopa_bench.metrics.metric import Line, Metric, Scores, by_name, score
from lopa_bench.sandbox import limits
from lopa_bench.tasks.base import Predictions, Record, Task
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.template import check_template

_KS = (1, 5, 10, 100)


@settings
class ProgramTask(Task):
    """Candidate programs run in the sandbox, `timeout_s` seconds each; pass@k for every k up to the number of samples.

    With `allow_unsafe` they run even where the machine cannot contain them.
    """

    timeout_s: Annotated[float, Field(ge=limits.MIN_TIMEOUT_S, le=limits.MAX_TIMEOUT_S)]
    allow_unsafe: bool

    kind = "programs"

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return by_name([pass_at_k.metric(k) for k in _KS])

    @property
    def metric(self) -> str:
        return "pass@1"

    def scoring(self) -> dict[str, Any]:
        from lopa_bench.sandbox import SandboxUnavailable, require

        try:
            limits.check(self.timeout_s, None)
        except ValueError as error:
            raise UserError(f"task.{error}") from None
        try:
            return {"sandbox": require(allow_unsafe=self.allow_unsafe).level}
        except SandboxUnavailable as error:
            raise UserError(str(error)) from None

    @abstractmethod
    def verdicts(self, examples: Sequence[Example], predictions: Predictions) -> list[list[bool | None]]:
        """For each example which of its samples pass; None for those that the official scorer passes over."""

    def lines(self, examples: Sequence[Example], predictions: Predictions) -> list[Line]:
        """Every program runs once."""
        verdicts = self.verdicts(examples, predictions)
        one = max(map(len, predictions)) == 1
        lines = zip(super().lines(examples, predictions), verdicts, strict=True)
        return [{**line, "correct": any(passed) if one else passed} for line, passed in lines]

    def score_lines(self, lines: Sequence[Line]) -> Scores:
        fewest = min(len(line["prediction"]) if isinstance(line["prediction"], list) else 1 for line in lines)
        known = {f"pass@{k}" for k in _KS if k <= fewest}
        return score({name: metric for name, metric in self.metrics.items() if name in known}, lines)


@settings
class Mbpp(ProgramTask):
    """A signature with a docstring is continued by the function's body (Athiwaratkun et al. 2023, MBXP)."""

    def examples(self, records: Sequence[Record]) -> list[Example]:
        return [Example(self.question(record), record["canonical_solution"], record) for record in records]

    @property
    def answer_fields(self) -> Sequence[str]:
        return [field for field in self.columns if field != "prompt"]

    def question(self, record: Record) -> str:
        return record["prompt"]  # type: ignore[no-any-return]

    def verdicts(self, examples: Sequence[Example], predictions: Predictions) -> list[list[bool | None]]:
        from lopa_bench.metrics import programs

        options = {"timeout_s": self.timeout_s, "allow_unsafe": self.allow_unsafe}
        return [programs.passed(v) for v in programs.mbpp([e.record for e in examples], predictions, **options)]


@settings
class CruxEval(ProgramTask):
    """Given a function, its output for an input is to be found, or an input for an output (Gu et al. 2024).

    Attributes:
        mode: what is asked for.
        template: the direct prompt of facebookresearch/cruxeval, with column names in braces.
        completion: what follows it, up to the stop word.
    """

    mode: Literal["input", "output"]
    template: str
    completion: str

    def __post_init__(self) -> None:
        own = type(self)
        if own.question is not CruxEval.question or own.examples is not CruxEval.examples:
            return  # what its braces mean is the class's own
        given = "input" if self.mode == "output" else "output"
        read = check_template("task.template", self.template, self.columns)
        if given not in read or self.mode in read:
            told = f"task.template={self.template!r:.80} reads {', '.join(read)}"
            raise ValueError(f"task.mode={self.mode}: {told}; it is to read the {given}, and not the {self.mode}")
        if self.mode not in check_template("task.completion", self.completion, self.columns):
            raise ValueError(f"task.completion={self.completion!r:.80} does not read {self.mode}, which is the answer")

    def examples(self, records: Sequence[Record]) -> list[Example]:
        return [Example(self.question(r), self.completion.format(**r), r) for r in records]

    @property
    def answer_fields(self) -> Sequence[str]:
        asked = {field for _, field, _, _ in Formatter().parse(self.template)}
        return [field for field in self.columns if field not in asked]

    def question(self, record: Record) -> str:
        return self.template.format(**record)

    def answer(self, text: str) -> str:
        """The input as a call of f, or the output: what stands on its side of the assertion (the repository's postprocessing)."""
        if "==" in text:
            text = text.split("==")[0 if self.mode == "input" else 1].strip()
        if self.mode == "input" and "assert f" in text:
            text = "f" + text.split("assert f")[1].strip()
        return text.strip()

    def verdicts(self, examples: Sequence[Example], predictions: Predictions) -> list[list[bool | None]]:
        from lopa_bench.metrics import programs

        problems = [e.record for e in examples]
        options = {"timeout_s": self.timeout_s, "allow_unsafe": self.allow_unsafe}
        return [programs.passed(v) for v in programs.cruxeval(self.mode, problems, predictions, **options)]
