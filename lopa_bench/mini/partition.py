"""Which split a combination belongs to, decided by the combination alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zlib import crc32

from lopa_bench.config.fields import SplitName


def split_of(combination: str) -> SplitName:
    """The one split that may hold ``combination``: a tenth each go to validation and to test.

    Every generator asks here before it keeps a subject, a set of attributes or a program skeleton,
    and the pretraining corpus keeps only what answers "train". So no split needs to know the
    others for its combinations to be none of theirs, nor of the pretraining text.
    """
    bucket = crc32(combination.encode()) % 10
    held_out: dict[int, SplitName] = {0: "test", 1: "validation"}
    return held_out.get(bucket, "train")


def rounds(sizes: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, int]]:
    """The sizes of all splits after each round of drawing."""
    for each in zip(*sizes.values(), strict=True):
        yield dict(zip(sizes, each, strict=True))
