"""The ways a run can end badly, each with the exit status it gives."""

from __future__ import annotations

import signal


def in_a_line(error: BaseException, kind: bool = False) -> str:
    """The first line of what an exception says, with the name of its `kind` before it or, where it says nothing, in its place."""
    said, name = str(error).strip().splitlines(), type(error).__name__
    return (f"{name}: {said[0]}" if kind else said[0]) if said else name


class UserError(Exception):
    """What is answered in one line, without a traceback (unless ``LOPA_DEBUG=1``), and ends the command line with its `exit_status`.

    Itself bad input, with status 2: the line has the key, the value and the nearest valid choice. What is derived from it says its own.
    """

    exit_status = 2


class Missing(UserError):
    """Something that a run needs is not on this machine, and the network may not be used."""


class TrainingDiverged(UserError):
    """The loss is not a number any more. Exit status 3."""

    exit_status = 3

    def __init__(self, step: int, lr: float, last_good: float) -> None:
        super().__init__(
            f"the loss is not finite at step {step} (learning rate {lr:.3g}, last good loss {last_good:.4f}); "
            "lower train.lr, set train.clip=1.0 or lengthen train.warmup"
        )


class NotFinite(TrainingDiverged):
    """What a model computes is not a number, in its parameters after the last step or in its answers. Exit status 3."""

    def __init__(self, what: str) -> None:
        UserError.__init__(
            self,
            f"{what} NaN or infinite, so there is nothing to score; lower train.lr, set train.clip=1.0 or take precision=fp32",
        )


class RunFailed(UserError):
    """Nothing is wrong with the input, but the machine could not do it. Exit status 1; the same command goes on later."""

    exit_status = 1


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to stop. Exit status 128 + its number, as shells report it."""

    def __init__(self, signum: int = signal.SIGINT) -> None:
        super().__init__(signum)
        self.signum, self.exit_status = signum, 128 + signum
