"""Whether a model, taken apart and padded as it is here, gives its own logits: found by trying, since no list holds all families.

Every check runs a few positions of random input embeddings through transformers' own forward of single, unpadded rows.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import Cache, DynamicCache, PreTrainedModel

from lopa_bench.errors import UserError, in_a_line
from lopa_bench.models.kv_cache import SharedByBeams, fill, positions
from lopa_bench.models.shape import window_of

if TYPE_CHECKING:
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.files import ModelFiles

LENGTHS = (7, 4)  # positions of the rows that are tried together
LONGEST = 1024  # tokens of the one text by which an encoder's positions are tried
TOLERANCE = 2e-3  # of the logits' standard deviation; rounding is a hundred times smaller, a wrong position a hundred times larger
COARSE = 0.2  # the same where a model computes in 16 bits
OTHERS = "docs/models.md lists families that do"


@torch.no_grad()
def check_own_logits(backbone: Backbone) -> None:
    """Raise `UserError` for a model whose logits here, of rows padded into one batch, are not those of its own forward."""
    rows = random_embeddings(backbone)
    try:
        own = [backbone.model(inputs_embeds=row).logits[0].float() for row in rows]
        embeds, mask = padded(rows)
        hidden = backbone.hidden(embeds, mask)
        ours = [backbone.head(hidden[i, : len(logits)]).float() for i, logits in enumerate(own)]
    except Exception as error:
        raise _refusal(backbone, f"its own forward does not run on input embeddings ({_said(error)})") from error
    if not all(logits.isfinite().all() for logits in own):
        raise UserError(f"model.path={backbone.files.source}: its logits are NaN or infinite; download it again")
    if not all(close(a, b) for a, b in zip(ours, own, strict=True)):
        raise _refusal(backbone, "its logits depend on the padding or on more than its body and head")


@torch.no_grad()
def check_own_features(body: PreTrainedModel, files: ModelFiles) -> None:
    """Raise `UserError` for an instance encoder that reads a text otherwise where it is padded, or not as config.json says."""
    some, words = next(body.parameters()), body.config.vocab_size
    named, training = f"model.encoder={files.source}: {type(body).__name__}", body.training
    draw = torch.Generator().manual_seed(0)
    lengths = (*LENGTHS, min(files.positions, LONGEST))
    *rows, longest = (torch.randint(words, (length,), generator=draw).to(some.device) for length in lengths)
    ids, mask = (pad_sequence(each, batch_first=True) for each in (rows, [torch.ones_like(row) for row in rows]))
    body.eval()
    try:
        alone, _ = [_read(body, row[None])[0] for row in rows], _read(body, longest[None])
        together = _read(body, ids, mask)
    except Exception as error:
        raise UserError(f"{named} does not read texts here ({_said(error)}); {OTHERS}") from error
    finally:
        body.train(training)
    tolerance = TOLERANCE if some.dtype == torch.float32 else COARSE
    if not all(close(together[i, : len(row)], row, tolerance) for i, row in enumerate(alone)):
        raise UserError(f"{named} reads a text otherwise where others pad it; {OTHERS}")


def _read(body: PreTrainedModel, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """[B, T] tokens and their mask (None: all) -> [B, T, E] last hidden states in fp32."""
    return body(input_ids=ids, attention_mask=torch.ones_like(ids) if mask is None else mask)[0].float()


@torch.no_grad()
def check_writing(backbone: Backbone) -> None:
    """Raise `UserError` for a causal LM whose writing, padded and step by step from a cache, is not its own forward of the whole text."""
    generates: Any = backbone.model.prepare_inputs_for_generation
    if "inputs_embeds" not in inspect.signature(generates).parameters:
        raise _refusal(backbone, "transformers does not generate from its input embeddings")
    rows = random_embeddings(backbone)
    try:
        own = [backbone.model(inputs_embeds=row).logits[0, -2:].float() for row in rows]
        embeds, mask = padded(rows, left=True)
        cache = DynamicCache(config=backbone.config)
        fill(backbone, embeds[:, :-1], mask[:, :-1], cache)
        cache.batch_repeat_interleave(2)  # as samples and beams do
        cache.reorder_cache(torch.arange(2 * len(rows), device=mask.device))  # type: ignore[arg-type]
        embeds, mask = embeds.repeat_interleave(2, 0), mask.repeat_interleave(2, 0)
        ours = [_step(backbone, embeds, mask, end, cache)[::2] for end in (-1, 0)]
    except Exception as error:
        raise _refusal(backbone, f"it does not write from input embeddings ({_said(error)})") from error
    if not all(close(torch.stack([step[i] for step in ours]), logits) for i, logits in enumerate(own)):
        raise _refusal(backbone, "what it writes depends on the padding or on the steps that it is written in")


def _step(backbone: Backbone, embeds: Tensor, mask: Tensor, end: int, cache: Cache) -> Tensor:
    """[B, V]: logits of the position before `end`, those before it cached."""
    stop = embeds.shape[1] + end
    hidden = backbone.body(
        inputs_embeds=embeds[:, stop - 1 : stop],
        attention_mask=mask[:, :stop],
        past_key_values=cache,
        use_cache=True,
        **positions(backbone, mask[:, :stop], 1),
    )[0]
    return backbone.head(hidden[:, -1]).float()


@torch.no_grad()
def shares_beams(backbone: Backbone) -> bool:
    """Whether the model's logits stay its own when a row's beams are read side by side (`SharedByBeams`), two steps deep.

    They do not where positions are told from places in the cache (ALiBi), which every beam lengthens, nor, deeper than can be tried,
    where a layer sees a window of the cache's places (GPT-Neo).
    """
    if window_of(backbone.config.to_dict()):
        return False
    rows = random_embeddings(backbone)
    own = torch.stack([backbone.model(inputs_embeds=row).logits[0, -2:].float() for row in rows])
    embeds, mask = padded(rows, left=True)
    before, cache = mask[:, :-2], DynamicCache(config=backbone.config)
    try:
        fill(backbone, embeds[:, :-1], mask[:, :-1], cache)
        shared = SharedByBeams(cache, before, 2)
        with shared.read_by(backbone.model):
            steps = [
                backbone.model(
                    inputs_embeds=embeds[:, stop - 1 : stop].repeat_interleave(2, 0),
                    attention_mask=mask[:, :stop].repeat_interleave(2, 0),
                    past_key_values=shared,
                    use_cache=True,
                    **{k: v.repeat_interleave(2, 0) for k, v in positions(backbone, mask[:, :stop], 1).items()},
                ).logits[::2, -1]
                for stop in (embeds.shape[1] - 1, embeds.shape[1])
            ]
    except Exception:  # whatever such a model raises
        return False
    return close(torch.stack(steps, dim=1).float(), own)


def close(ours: Tensor, own: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether two sets of logits are the same but for rounding."""
    return ours.shape == own.shape and (ours - own).abs().max().item() <= tolerance * own.std().item()


@torch.no_grad()
def key_shape(backbone: Backbone) -> tuple[int, int] | None:
    """Heads and width of the keys and values that each layer keeps; None where layers keep none or differ."""
    cache = DynamicCache()
    embeds = torch.zeros(1, 1, backbone.width, device=backbone.device, dtype=backbone.model.dtype)
    try:
        backbone.body(inputs_embeds=embeds, past_key_values=cache, use_cache=True)
        layers: list[Any] = cache.layers
        shapes = {(tensor.shape[1], *tensor.shape[3:]) for layer in layers for tensor in (layer.keys, layer.values)}
    except Exception:  # whatever such a model raises, it has no cache of this kind
        return None
    (heads, *width), *others = shapes or {(0,)}
    return (heads, width[0]) if len(width) == 1 and not others else None


@torch.no_grad()
def check_prefix(backbone: Backbone, method: str) -> None:
    """Raise `UserError` for a model that does not read keys and values put before its input, or not whatever pads that input.

    Prefixes are keys and values, random ones here, so what a batch gives is compared with its rows alone.
    """
    name = f"method={method}: {type(backbone.model).__name__}"
    shape = backbone.key_shape
    if shape is None:
        raise UserError(f"{name} has no key/value cache to put a prefix in; nearest: method=pt")
    draw = torch.Generator().manual_seed(0)
    if backbone.device.type == "meta":  # shapes alone: nothing to compare
        return
    layers, (heads, width) = backbone.config.num_hidden_layers, shape
    prefix = torch.randn(layers, 2, 1, heads, 3, width, generator=draw).to(backbone.device, backbone.model.dtype)

    def cache(rows: int, scale: float = 1.0) -> Cache:
        return DynamicCache([tuple((scale * layer).expand(2, rows, -1, -1, -1)) for layer in prefix])

    def last(row: Tensor, scale: float = 1.0) -> Tensor:
        mask = torch.ones(1, 3 + row.shape[1], dtype=torch.long, device=row.device)
        return backbone.hidden(row, mask, past_key_values=cache(1, scale))[0]

    rows = random_embeddings(backbone)
    try:
        alone = [last(row) for row in rows]
        embeds, mask = padded(rows)
        together = backbone.hidden(embeds, _behind(3, mask), past_key_values=cache(len(rows)))
        left = None
        if backbone.kind == "causal":  # as it writes
            embeds, mask = padded(rows, left=True)
            placed = positions(backbone, _behind(3, mask), embeds.shape[1])
            left = backbone.hidden(embeds, _behind(3, mask), past_key_values=cache(len(rows)), **placed)
        moved = last(rows[0], scale=2.0)
    except Exception as error:
        raise UserError(f"{name} does not run behind a prefix ({_said(error)}); nearest: method=pt") from error
    if close(moved, alone[0]):
        raise UserError(f"{name} does not read keys and values put before its input; nearest: method=pt")
    if not all(close(together[i, : len(row)], row) for i, row in enumerate(alone)):
        raise UserError(f"{name} reads a prefix otherwise where a row is padded; nearest: method=pt")
    if left is not None and not all(close(left[i, -len(row) :], row) for i, row in enumerate(alone)):
        raise UserError(f"{name} counts the padding between a prefix and its input; nearest: method=pt")


def random_embeddings(backbone: Backbone) -> list[Tensor]:
    """Random rows of input embeddings, [1, T, D] each, as large as the model's own."""
    draw = torch.Generator().manual_seed(0)
    table: Any = backbone.model.get_input_embeddings().weight
    ids = [torch.randint(len(table), (1, length), generator=draw) for length in LENGTHS]
    return [backbone.embed(each.to(backbone.device)) for each in ids]


def padded(rows: list[Tensor], left: bool = False) -> tuple[Tensor, Tensor]:
    """Rows [1, T, D] -> [B, T', D], padded on the right or on the left with what is no zero, and their mask [B, T']."""
    side = "left" if left else "right"
    ones = [torch.ones(row.shape[1], dtype=torch.long, device=row.device) for row in rows]
    value = rows[0].std().item()
    embeds = pad_sequence([row[0] for row in rows], batch_first=True, padding_side=side, padding_value=value)
    return embeds, pad_sequence(ones, batch_first=True, padding_side=side)


def _behind(prefix: int, mask: Tensor) -> Tensor:
    """[B, T] -> [B, prefix + T], the prefix attended to."""
    return torch.cat([mask.new_ones(len(mask), prefix), mask], dim=1)


def _refusal(backbone: Backbone, why: str) -> UserError:
    return UserError(
        f"model.path={backbone.files.source}: {type(backbone.model).__name__} cannot be scored here, {why}; docs/models.md lists the "
        "families that can"
    )


def _said(error: Exception) -> str:
    return in_a_line(error, kind=True)[:120]
