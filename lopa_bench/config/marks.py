"""Special tokens as templates write them, whatever a model's tokenizer calls its own."""

MASK = "<mask>"  # in templates of classification; replaced by the tokenizer's own mask token
BOS = "<bos>"  # in templates; replaced by the tokenizer's own begin token


def spelt(token: str) -> str:
    """A special token's letters, as a text may hold them, apart from its brackets: the tokenizer reads ordinary words."""
    return f"{token[0]} {token[1:-1]} {token[-1]}"
