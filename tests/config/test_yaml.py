"""YAML is read quickly and as OmegaConf reads it."""

import pytest
from omegaconf import OmegaConf

from lopa_bench.config import files
from lopa_bench.errors import UserError

OURS = sorted(
    path.relative_to(files.conf_dir()).with_suffix("").as_posix() for path in files.conf_dir().rglob("*.yaml")
)


@pytest.mark.parametrize("name", OURS)
def test_every_file_of_ours_is_read_as_omegaconf_reads_it(name):
    assert files.read(name) == OmegaConf.to_container(OmegaConf.load(files.find(name)))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a: 1e-3\nb: 1E5\nc: .inf\nd: 0x10\ne: 1_000\nf: on\ng: 2020-01-01\nh: ${a}\ni: ???\nj: ünï\n1: x", None),
        ("", {}),
        ("a: 1\na: 2", "cannot be read as YAML"),
        ("a: [1", "cannot be read as YAML"),
        ("a: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
        ("- 1", "is not a mapping"),
    ],
)
def test_numbers_dates_and_mistakes_are_omegaconfs(text, read, tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(text, encoding="utf-8")
    with files.searching(tmp_path):
        if isinstance(read, str):
            with pytest.raises(UserError, match=read):
                files.read("some")
        else:
            content = files.read("some")
            assert content == (
                {str(k): v for k, v in OmegaConf.to_container(OmegaConf.load(path)).items()} if read is None else read
            )
