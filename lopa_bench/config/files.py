"""Where YAML is found: lopa-bench's own ``conf/``, those of installed plugins, and one's own folder (``conf.path=DIR``).

A plugin is an installed distribution with an entry point in the group ``lopa_bench.plugins``. Its value is an importable package, whose
folder ``conf/`` holds YAML as ours does, whose folder ``tables/`` holds modules of tables, and whose classes that YAML may name.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import cache, wraps
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import yaml
from omegaconf._utils import get_yaml_loader

from lopa_bench.config.keys import key_of
from lopa_bench.errors import UserError, in_a_line

P = ParamSpec("P")
T = TypeVar("T")

PLUGINS = "lopa_bench.plugins"
OWN = "conf.path"
_own: ContextVar[Path | None] = ContextVar("conf.path", default=None)


@cache
def conf_dir() -> Path:
    """Our own folder of YAML files: inside the package in a built wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise UserError(f"conf/config.yaml is not in {package} or beside it: the installation is broken")


@contextlib.contextmanager
def searching(folder: str | Path | None) -> Iterator[None]:
    """Find YAML in `folder` too for the time of the block; None adds nothing.

    Raises:
        UserError: no such folder, or a file in it that bears the name of one of ours or of a plugin's.
    """
    if folder is None:
        yield
        return
    own = Path(os.path.expanduser(folder)).absolute()
    if not own.is_dir():
        raise UserError(f"{OWN}={folder}: there is no such folder")
    for group in _groups(own):
        for path in (own / group).glob("*.yaml"):
            taken = next(
                (other / group / path.name for other in _installed() if (other / group / path.name).is_file()), None
            )
            if taken and own not in _installed():
                raise UserError(f"{OWN}={folder}: {group}/{path.name} is also {taken}; give yours another name")
    token = _own.set(own)
    try:
        yield
    finally:
        _own.reset(token)


def own_folder(words: Iterable[str]) -> str | None:
    """What ``conf.path=DIR`` among overrides says; None where it is not there. Raises `UserError` where it says nothing."""
    given = [word.partition("=")[2].strip("'\"") for word in words if key_of(word) == OWN]
    if given and not given[-1]:
        raise UserError(f"{OWN}= is empty; leave it away, or name a folder")
    return given[-1] if given and given[-1] != "null" else None


def plugins() -> dict[str, Path]:
    """Package name -> folder of every registered plugin. None of them is imported."""
    return _plugins(tuple(sys.path))


@cache
def _plugins(path: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for entry in entry_points(group=PLUGINS):
        try:
            spec = find_spec(entry.module)
        except ModuleNotFoundError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise UserError(
                f"the plugin {entry.name} names {entry.value}, which is not an importable package; reinstall it"
            )
        found[entry.module] = Path(next(iter(spec.submodule_search_locations)))
    return found


def _installed() -> list[Path]:
    return [conf_dir(), *(folder / "conf" for folder in plugins().values())]


def sources() -> list[Path]:
    """The folders that are searched for YAML, in order."""
    own = _own.get()
    return [*_installed(), *([own] if own else [])]


def cached_by_sources(function: Callable[P, T]) -> Callable[P, T]:
    """`functools.cache` for what is read of YAML: another folder of one's own has answers of its own. What raises is asked again."""
    kept: dict[object, T] = {}

    @wraps(function)
    def found(*args: P.args, **kwargs: P.kwargs) -> T:
        key = tuple(sources()), args, tuple(kwargs.items())
        if key not in kept:
            kept[key] = function(*args, **kwargs)
        return kept[key]

    return found


def search_override() -> list[str]:
    """The override by which Hydra searches the folders that are not ours; nothing where there are none."""
    more = [folder for folder in sources()[1:] if folder.is_dir()]
    quoted = ",".join("'file://" + str(folder).replace("\\", "\\\\").replace("'", "\\'") + "'" for folder in more)
    return [f"hydra.searchpath=[{quoted}]"] if more else []


def _groups(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def groups() -> list[str]:
    """The names of the config groups: ``method``, ``task``, …; Hydra's own aside."""
    return sorted({*_groups(conf_dir())} - {"hydra"})


def choices(group: str) -> list[str]:
    """The names of a config group's files, e.g. ``choices("method")``."""
    return sorted({path.stem for folder in sources() for path in (folder / group).glob("*.yaml")})


def default_choice(group: str) -> str | None:
    """What conf/config.yaml takes of a group; None of a group that it leaves out, or of what is none."""
    entries = [entry for entry in read("config")["defaults"] if isinstance(entry, dict)]
    found: str | None = next((entry[group] for entry in entries if group in entry), None)
    return found


def is_choice(group: str, name: str) -> bool:
    """Whether `name` is among the `choices` of a group."""
    with contextlib.suppress(UserError, OSError):  # a name too long for a file
        return "/" not in name and find(f"{group}/{name}").is_file()
    return False


@cached_by_sources
def find(name: str) -> Path:
    """The file of ``find("method/lopa")``.

    Raises:
        UserError: there is none.
    """
    for folder in sources():
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise UserError(f"{name}.yaml is in none of {', '.join(map(str, sources()))}")


def read(name: str) -> dict[str, Any]:
    """A YAML file's content, nothing resolved."""
    return _read(find(name))


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _loader())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({in_a_line(error)})") from error
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise UserError(f"{path}: is not a mapping of keys to values")
    return {str(key): value for key, value in content.items()}


@cache
def _loader() -> Any:
    """OmegaConf's rules of YAML (``1e-3`` is a number, a key stands once), read by libyaml where PyYAML has it: ten times as fast."""
    rules = get_yaml_loader()
    if not yaml.__with_libyaml__:
        return rules

    class Loader(yaml.cyaml.CParser, rules):  # type: ignore[misc, valid-type]
        def __init__(self, stream: str) -> None:
            yaml.cyaml.CParser.__init__(self, stream)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return Loader


def whole(name: str) -> bool:
    """Whether a YAML file stands for itself: Hydra adds no defaults to it and puts it into no other section."""
    return _whole(find(name))


@cache
def _whole(path: Path) -> bool:
    return "defaults" not in _read(path) and not re.search(r"^#\s*@package", path.read_text(encoding="utf-8"), re.M)


def table_modules() -> list[str]:
    """The dotted names of the plugins' modules of tables."""
    return sorted(
        f"{package}.tables.{path.stem}"
        for package, folder in plugins().items()
        for path in (folder / "tables").glob("*.py")
        if not path.stem.startswith("_")
    )


def trusted(target: str) -> bool:
    """Whether a class may be made from its path: lopa-bench's, a plugin's, or one that a YAML file below ``conf.path`` names."""
    if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", target):  # `__main__` would run a program
        return False
    if any(target.startswith(f"{package}.") for package in ("lopa_bench", *plugins())):
        return True
    own = _own.get()
    return own is not None and any(_read(path).get("_target_") == target for path in own.glob("*/*.yaml"))
