"""Models from the hub: downloaded whole before a run's identity is taken from them, and every refusal in one line.

Imports no torch; the hub's client is imported when something is downloaded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lopa_bench.config.places import how_to_get
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError, in_a_line
from lopa_bench.models.files import ModelFiles, locate

_SMALL = ["*.json", "*.txt", "*.model"]  # configuration, tokenizer


def missing(config: Config) -> dict[str, tuple[str, str | None]]:
    """Those of the run's models that are not on this machine yet. Raises `UserError` for a folder that is not there."""
    return {
        key: named for key, named in config.pretrained.items() if locate(*named, config.offline, key).folder is None
    }


def complete(config: Config) -> bool:
    """Download what of the run's models is not on this machine; whether there was anything.

    Raises:
        UserError: a model that is not there, is gated, brings code that is not trusted, or cannot be reached.
    """
    absent = missing(config)
    if absent and not reachable():  # known in a moment; the client itself tries again for half a minute
        raise _unreachable(*next((key, *named) for key, named in absent.items()))
    for step in (_ask, _download):
        for key, (path, revision) in absent.items():
            with _one_line(key, path, revision):
                step(key, path, revision, config.model.trust_remote_code)
    return bool(absent)


def reachable(timeout: float = 5.0) -> bool:
    """Whether the hub answers at all."""
    import requests
    from huggingface_hub import constants

    try:
        requests.head(constants.ENDPOINT, timeout=timeout)
    except requests.RequestException:
        return False
    return True


def _ask(key: str, path: str, revision: str | None, trust_remote_code: bool) -> None:
    """Read its config.json, which tells whether the rest is wanted."""
    from huggingface_hub import hf_hub_download

    found = Path(hf_hub_download(path, "config.json", revision=revision))
    check_code(key, ModelFiles(path, found.parent, revision, False), trust_remote_code)


def _download(key: str, path: str, revision: str | None, trust_remote_code: bool) -> None:
    """Configuration, tokenizer and weights, these as safetensors where there are any."""
    from huggingface_hub import list_repo_files, snapshot_download

    names = [name for name in list_repo_files(path, revision=revision) if "/" not in name]
    safe = any(name.endswith(".safetensors") for name in names)
    wanted = [*_SMALL, "*.safetensors" if safe else "pytorch_model*.bin", *(["*.py"] if trust_remote_code else [])]
    snapshot_download(path, revision=revision, allow_patterns=wanted, ignore_patterns=["*/*"])


def check_code(key: str, files: ModelFiles, trust_remote_code: bool) -> None:
    """Raise `UserError` for a model whose code comes with its weights, unless that code is trusted."""
    if files.own_code and not trust_remote_code:
        raise UserError(
            f"{key}={files.source} brings its own modelling code ({files.own_code}), which is not run by default; "
            "read it, then add model.trust_remote_code=true, or take another encoder or model (lopa-bench list encoder model)"
        )


@contextlib.contextmanager
def _one_line(key: str, path: str, revision: str | None) -> Iterator[None]:
    """The hub's errors as `UserError`."""
    from huggingface_hub import errors

    try:
        yield
    except UserError:
        raise
    except errors.GatedRepoError as error:
        raise UserError(
            f"{key}={path} is gated: accept its licence on its page on the hub, then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(f"{key}={path}: there is no such model on the hub, or it is private") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{key}={path}: it has no revision {revision} on the hub") from error
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise _unreachable(key, path, revision) from error
        raise UserError(
            f"{key}={path}: the repository has no config.json, so it is not a transformers model"
        ) from error
    except OSError as error:
        raise UserError(f"{key}={path} cannot be stored: {error.strerror or error}") from error
    except Exception as error:  # the client's transport errors, whose package depends on its version
        raise UserError(f"{key}={path} cannot be downloaded ({in_a_line(error, kind=True)})") from error


def _unreachable(key: str, path: str, revision: str | None) -> UserError:
    return UserError(
        f"{key}={path} is not in the hub cache, and the hub cannot be reached; {how_to_get(key, path, revision)}; "
        "model=local model.path=DIR and scale=mini need no network"
    )


@contextlib.contextmanager
def loading(source: str, own_code: str | None = None) -> Iterator[None]:
    """While `source` (key=value) is loaded: whatever its files or its own code make transformers raise, in one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if (
            isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        ):  # nothing is wrong with the files
            raise
        import transformers

        version = transformers.__version__
        said = in_a_line(error)[:200]
        if own_code:
            raise UserError(
                f"{source}: its own code does not work with transformers {version} ({said}); "
                "take another encoder or model (lopa-bench list encoder model)"
            ) from error
        raise UserError(
            f"{source}: transformers {version} cannot load it ({type(error).__name__}: {said}); "
            "download it again or take another model"
        ) from error
