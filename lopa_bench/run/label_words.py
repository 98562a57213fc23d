"""Whether a model's vocabulary has a token for each label word, told before anything is loaded. Imports no torch."""

from __future__ import annotations

from lopa_bench.config.nearest import likeness
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.models.files import ModelFiles
from lopa_bench.models.following import BLANKS, begins_with_blank, following


def check_label_words(config: Config, files: ModelFiles) -> None:
    """Raise `UserError` for a label word that is not one token, or the same one as another's."""
    tokenizer = files.vocabulary() if config.task.label_words else None
    if tokenizer is None:
        return

    blank = begins_with_blank(tokenizer.encode("a b", add_special_tokens=False).tokens)
    unknown = tokenizer.token_to_id("[UNK]"), tokenizer.token_to_id("<unk>")

    def alone(text: str) -> list[int]:
        return [*tokenizer.encode(text, add_special_tokens=False).ids]

    def tokens(word: str) -> list[int]:
        return following(alone, tokenizer.decode, word) if blank else alone(word)

    labels: dict[int, str] = {}
    for label, named in config.task.label_words.items():
        word = config.model.label_words.get(named, named)
        said, ids = f"{config.task.words_key}.{label}={word!r}", tokens(word)
        if len(ids) != 1 or ids[0] in unknown:
            one = not word.startswith(" ") and len(tokens(f" {word}")) == 1
            raise UserError(
                f"{said} is {f'{len(ids)} tokens in' if len(ids) > 1 else 'no token of'} this model's vocabulary, a label word must be "
                f"one; nearest: {nearest_word(word, list(tokenizer.get_vocab()))!r}"
                + (f", or a blank before the answer: {f' {word}'!r} is one" if one else "")
            )
        if (other := labels.setdefault(ids[0], label)) != label:
            raise UserError(f"{said} is the token that stands for {other} already; give one of them another word")


def nearest_word(word: str, vocabulary: list[str]) -> str:
    """The vocabulary's entry most like `word`; where entries tell whether a blank stands before them, one that agrees with `word`."""
    words = [entry for entry in vocabulary if entry.strip("Ġ▁").isalpha()]
    tells = any(entry.startswith(BLANKS) for entry in words)
    alike = [e for e in words if e.startswith(BLANKS) == word.startswith(" ")] if tells else words
    close = [entry for entry in alike if entry.strip("Ġ▁")[:2].lower() == word.strip()[:2].lower()] or alike
    return max(close, key=lambda entry: likeness(word.replace(" ", "Ġ"), entry)).replace("Ġ", " ").replace("▁", " ")
