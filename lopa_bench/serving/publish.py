"""An exported folder on the Hugging Face hub. Imports no torch."""

from __future__ import annotations

import re
from pathlib import Path

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host import network

READ = (
    ".json",
    ".safetensors",
    ".bin",
    ".model",
)  # endings of what the libraries that load an exported folder look for


def check_push(repo: str) -> None:
    """Raise `UserError` where nothing can be pushed to `repo` from here: before anything is written."""
    from huggingface_hub import get_token

    if not re.fullmatch(r"[\w-]+/[\w.-]+", repo):
        raise UserError(f"push={repo} names no repository of the hub; give push=OWNER/NAME")
    if name := network.switch():
        raise UserError(f"push={repo}: {network.reason()} forbids the network; unset {name}")
    if get_token() is None:
        raise UserError(f"push={repo}: nobody is logged in to the hub; `hf auth login`, or set HF_TOKEN")


def push(folder: Path, repo: str, private: bool, message: str) -> str:
    """Upload all of `folder` in one commit to the model repository `repo`, made if it is not there; the commit's address.

    Raises:
        RunFailed: the hub refuses, or does not answer, or has what would be read as a part of this export; the folder stays.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        others = [name for name in api.list_repo_files(repo) if name.endswith(READ) and not (folder / name).is_file()]
        if not others:
            return str(api.upload_folder(repo_id=repo, folder_path=folder, commit_message=message).commit_url)
    except Exception as error:  # the client's own and its transport's, whose package depends on its version
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise RunFailed(f"push={repo}: {said}; {folder} is written, `hf upload {repo} {folder}` sends it") from error
    raise RunFailed(
        f"push={repo}: it has {others[0]} of another export, which would be read with this one; remove it there, or name another "
        f"repository; {folder} is written"
    )
