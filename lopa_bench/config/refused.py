"""Overrides that cannot be placed, in one line with key, value and way out, all three of which Hydra's and OmegaConf's words lack."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.errors import MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from lopa_bench.config import files
from lopa_bench.config.keys import key_of
from lopa_bench.config.nearest import hint, not_one_of
from lopa_bench.errors import UserError, in_a_line

CONVERTED = {  # in OmegaConf's words -> what is wanted
    "to Integer": "is not a whole number",
    "to Float": "is not a number",
    "valid bool": "is not true or false",
    "not Optional": "is no value; leave it away, or give one",
}
MAPPED = (" to Dict[", "merge DictConfig", "to assign")  # in its words where a mapping is wanted


def check_words(overrides: Sequence[str]) -> None:
    """Raise `UserError` for a word that Hydra takes, or half takes, and no run can be made of."""
    groups = files.groups()
    for word in overrides:
        key = key_of(word)
        if key == "task.family":
            raise UserError(
                f"{word}: a task's family is its file's own, since its model and recipe hang on it; "
                "conf.path=DIR names a folder with a task/NAME.yaml of yours"
            )
        if word.startswith("~") and key not in groups:
            raise UserError(f"{word}: a run reads {key}; leave it as it is, or give it a value: {key}=…")
        if word.startswith("+") and key in groups:
            raise UserError(f"{word}: {key} is there already; nearest: {word.lstrip('+')}")


def why(error: BaseException, overrides: Sequence[str]) -> str:
    """What Hydra or OmegaConf did not do with one of the overrides."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return not_one_of(group, name, error.options or ())
    said = error
    while said.__cause__ is not None:
        said = said.__cause__
    key = getattr(said, "full_key", None)
    word = _word_of(str(key), overrides)
    if not isinstance(said, OmegaConfBaseException) or word is None or said is error:
        return in_a_line(error)
    text = in_a_line(said)
    if text.startswith("Key "):
        return _no_key(word, str(key), said.parent_node)
    if any(part in text for part in MAPPED):
        return f"{word}: {key} holds names with values and is no value; give {key}={{NAME: VALUE}}"
    wanted = next((wanted for part, wanted in CONVERTED.items() if part in text), None)
    return f"{word} {wanted}" if wanted else f"{word}: {text}"


def _word_of(key: str, overrides: Sequence[str]) -> str | None:
    """The override that set the key, or something above or below it."""
    settings = [word for word in overrides if "=" in word]
    above = [word for word in settings if f"{key}.".startswith(f"{key_of(word)}.")]
    return max(above, key=key_of, default=next((word for word in settings if key_of(word).startswith(f"{key}.")), None))


def _no_key(word: str, key: str, section: object) -> str:
    """Of a name that is not in a section: the nearest that is, else those that are; whatever name an empty one may be given, by ``++``."""
    above, _, name = key.rpartition(".")
    names = [str(own) for own in section] if isinstance(section, DictConfig) else []
    if not names:
        return f"{word}: {above} has no {name} yet; nearest: ++{word.lstrip('+')}"
    settable = [own for own in names if own != "_target_"]
    near = hint(name, settable, f"{above}.{{}}") or f"; {above} has {', '.join(settable) or 'none; leave it out'}"
    return f"{word}: there is no key {key}{near}"
