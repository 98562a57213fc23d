"""A finished run's model, as it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from lopa_bench.config.compose import from_resolved
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.files import locate
from lopa_bench.results.directory import RESULT
from lopa_bench.results.record import parse


def load_trained(directory: Path, device: str = "cpu") -> tuple[Config, AdaptedModel]:
    """The config and the adapted model, in evaluation mode, of the run in `directory`.

    Raises:
        UserError: no finished run there, a file that cannot be read, or other backbone weights than the run's.
    """
    try:
        result = parse((directory / RESULT).read_bytes())
        config = from_resolved(yaml.safe_load((directory / "config.yaml").read_text(encoding="utf-8")))
        trained = load_file(directory / "trained.safetensors")
    except FileNotFoundError as error:
        raise UserError(f"run={directory}: there is no {Path(error.filename or 'trained.safetensors').name}") from error
    except (OSError, ValueError, yaml.YAMLError, SafetensorError) as error:
        raise UserError(f"run={directory}: a file of the run cannot be read ({str(error).splitlines()[0]})") from error
    except (KeyError, TypeError) as error:
        raise UserError(f"run={directory}: config.yaml is another version's ({error})") from error
    _check_weights(directory, config, result.config["model"])
    backbone = Backbone.load(config.model, config.precision, torch.device(device), config.offline)
    model = config.method.adapt(backbone)
    model.load_trainable(trained)
    return config, model.eval()


def _check_weights(directory: Path, config: Config, trained_on: Mapping[str, str]) -> None:
    model = config.model
    named = {"model.path": (model.path, model.revision, trained_on["weights"])}
    if config.method.reads_instance and model.encoder != "backbone":
        named["model.encoder"] = (model.encoder, model.encoder_revision, trained_on.get("encoder", ""))
    for key, (path, revision, fingerprint) in named.items():
        if locate(path, revision, config.offline, key).fingerprint() != fingerprint:
            raise UserError(f"run={directory}: {key}={path} holds other weights than the run was trained on")
