"""Hydra and OmegaConf of two releases: whichever is installed is told what it wants to be told."""

import warnings
from types import SimpleNamespace

import pytest

from lopa_bench.config.compose import compose_config
from lopa_bench.config.releases import release


@pytest.mark.parametrize(("version", "numbers"), [("1.3.8", (1, 3)), ("1.4.0rc3", (1, 4)), ("2.10.dev1", (2, 10))])
def test_releases(version, numbers):
    assert release(SimpleNamespace(__version__=version)) == numbers


def test_composing_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compose_config(["task=mrpc", "seed=3"], hydra=True).seed == 3
