"""What one customisation of a backbone leaves behind. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """What one customisation leaves at server and client, and what a request of it costs beyond the bare backbone's.

    Attributes:
        server, client: parameters that each of them keeps, the instance encoder's left out.
        own_backbone: whether the server keeps a backbone for this customisation alone, instead of one for all.
        tokens: more tokens that the server reads. cached: more positions that its layers attend to.
        server_weights: weights that the server multiplies each token with, beyond the backbone's.
    """

    server: int = 0
    client: int = 0
    own_backbone: bool = False
    tokens: int = 0
    cached: int = 0
    server_weights: int = 0
