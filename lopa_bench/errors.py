"""The ways a run can end badly, each with the exit status it gives."""

from __future__ import annotations


class UserError(Exception):
    """Bad input. The message is one line: the key, the value, and the nearest valid choice.

    The command line prints it without a traceback (unless ``LOPA_DEBUG=1``) and exits with status 2.
    """

    exit_status = 2


class TrainingDiverged(UserError):
    """The loss is not a number any more. Exit status 3."""

    exit_status = 3

    def __init__(self, step: int, lr: float, last_good: float) -> None:
        super().__init__(
            f"the loss is not finite at step {step} (learning rate {lr:.3g}, last good loss {last_good:.4f}); "
            "lower train.lr, set train.clip=1.0 or lengthen train.warmup"
        )
