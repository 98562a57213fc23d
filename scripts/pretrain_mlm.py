"""The masked half of `pretrain_mini.py`: tokenizer, model and training of mini-mlm."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from model_cards import masked_card
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

from lopa_bench.mini.corpus import passages

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
PAD, MASK = SPECIALS.index("<pad>"), SPECIALS.index("<mask>")
LABEL_WORDS = [" Yes", " No", " Maybe", " great", " terrible"]


@dataclass(frozen=True)
class Recipe:
    """What determines the weights; the model card records it."""

    seed: int = 0
    words: int = 4_000_000
    batch: int = 64  # passages
    vocabulary: int = 2304
    layers: int = 4
    width: int = 128
    heads: int = 4
    positions: int = 192
    init: float = 0.06
    lr: float = 1.5e-3
    mask_answers: float = 0.7  # passages that lose their answer word
    mask_beside: float = 0.03  # other words of such a passage
    mask_others: float = 0.25  # words of all other passages


def train_tokenizer(texts: list[str], recipe: Recipe) -> PreTrainedTokenizerFast:
    """A byte-level BPE with RoBERTa's specials; a text's first word has a leading space too."""
    bpe = Tokenizer(models.BPE(unk_token="<unk>"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = decoders.ByteLevel()
    specials = [AddedToken(word, special=True, lstrip=word == "<mask>") for word in SPECIALS]
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=recipe.vocabulary,
            special_tokens=specials,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    bpe.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=specials[MASK],
        model_max_length=recipe.positions,
    )


def build_model(recipe: Recipe) -> RobertaForMaskedLM:
    """RoBERTa, its learnt positions started as sinusoids so that neighbours are found early."""
    model = RobertaForMaskedLM(
        RobertaConfig(
            vocab_size=recipe.vocabulary,
            hidden_size=recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=4 * recipe.width,
            max_position_embeddings=recipe.positions + PAD + 1,
            type_vocab_size=1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=recipe.init,
        )
    )
    table = model.roberta.embeddings.position_embeddings.weight
    frequencies = 1000 ** -(torch.arange(0, recipe.width, 2) / recipe.width)
    angles = torch.arange(len(table))[:, None] * frequencies
    with torch.no_grad():
        table.copy_(torch.cat([angles.sin(), angles.cos()], dim=1) * 2**0.5 * recipe.init)
    return model


def batches(encoded: list[list[int]], size: int, rng: random.Random) -> list[Tensor]:
    """Passages of similar length side by side, [batch, longest]; in the corpus's order at large."""
    groups = []
    for start in range(0, len(encoded), 50 * size):
        ordered = sorted(encoded[start : start + 50 * size], key=len)
        pool = [ordered[i : i + size] for i in range(0, len(ordered) - size + 1, size)]
        rng.shuffle(pool)
        groups += pool
    return [nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in group], True, PAD) for group in groups]


def masked(batch: Tensor, answers: Tensor, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What the model reads, and where it is to predict, both [batch, longest].

    A passage either loses its answer word and little else, so that the answer can be told from the
    rest, or only other words. Of these 80 % are masked, 10 % replaced and 10 % kept, as in BERT.
    """
    is_answer = torch.isin(batch, answers)
    asked = torch.rand((len(batch), 1), generator=generator) < recipe.mask_answers
    asked = asked & is_answer.any(1, keepdim=True)
    rate = torch.where(asked, recipe.mask_beside, recipe.mask_others) * ~is_answer
    rate = torch.where(asked & is_answer, 1.0, rate)
    rate[batch < len(SPECIALS)] = 0
    chosen = torch.rand(batch.shape, generator=generator) < rate
    fate = torch.rand(batch.shape, generator=generator)
    noise = torch.randint(len(SPECIALS), recipe.vocabulary, batch.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8) | asked & is_answer, MASK, batch)
    return torch.where(chosen & ~is_answer & (fate >= 0.9), noise, inputs), chosen


class Trainer:
    """The model with its optimisers: Muon for the matrices inside the blocks, AdamW for the rest.

    Muon for the matrices (https://kellerjordan.github.io/posts/muon): in a first trial its loss fell faster than that of AdamW alone.
    """

    def __init__(self, recipe: Recipe, answers: Tensor, steps: int) -> None:
        self.recipe, self.steps = recipe, steps
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = build_model(recipe).to(self.device)  # type: ignore[arg-type]  # transformers' wrapper hides the overloads
        self.answers = answers.to(self.device)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        inside = [p for n, p in self.model.named_parameters() if p.ndim == 2 and "encoder" in n]
        others = [p for n, p in self.model.named_parameters() if p.ndim != 2 or "encoder" not in n]
        self.optimizers = [
            torch.optim.Muon(inside, lr=recipe.lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=recipe.lr, betas=(0.9, 0.98), weight_decay=0.01),
        ]

    def predict(self, batch: Tensor, reach: int) -> tuple[Tensor, Tensor]:
        """Logits and targets at the masked places, each passage moved up to `reach` positions, far ones less."""
        inputs, chosen = masked(batch, self.answers.cpu(), self.recipe, self.generator)
        shift = reach * torch.rand((len(batch), 1), generator=self.generator) ** 2
        positions = shift.long() + torch.arange(batch.shape[1]) + PAD + 1
        with torch.autocast(self.device.type, torch.bfloat16):
            hidden = self.model.roberta(
                inputs.to(self.device),
                attention_mask=(batch != PAD).to(self.device),
                position_ids=positions.to(self.device),
            ).last_hidden_state
            logits = self.model.lm_head(hidden[chosen.to(self.device)]).float()
        return logits, batch[chosen].to(self.device)

    def step(self, number: int, batch: Tensor) -> tuple[float, float]:
        """One update; the mean losses at answer words and at other words before it.

        Both means count the same. Most other words are names and kinds that nothing tells, and in a
        plain mean their noise drowns the few answers.
        Passages wander over all positions only from 30 % of the steps on: a model that must find
        neighbours at every position at once begins to learn much later.
        """
        progress = number / self.steps
        wander = min(1.0, max(0.0, (progress - 0.3) / 0.4))
        rate = min(1.0, number / 100, (1 - progress) / 0.6)
        logits, targets = self.predict(batch, int(wander * (self.recipe.positions - batch.shape[1])))
        losses = F.cross_entropy(logits, targets, reduction="none")
        is_answer = torch.isin(targets, self.answers)
        answers = losses[is_answer].sum() / is_answer.sum().clamp(min=1)
        others = losses[~is_answer].mean()
        (answers + others).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * self.recipe.lr
            optimizer.step()
            optimizer.zero_grad()
        return answers.item(), others.item()

    @torch.no_grad()
    def accuracy(self, held_out: list[Tensor]) -> dict[str, float]:
        """Share of masked answer words and of other masked words that come first, in percent."""
        hits: dict[str, list[float]] = {"answers": [], "others": []}
        for batch in held_out:
            logits, targets = self.predict(batch, reach=0)
            right = (logits.argmax(-1) == targets).float().cpu()
            is_answer = torch.isin(targets, self.answers).cpu()
            hits["answers"] += right[is_answer].tolist()
            hits["others"] += right[~is_answer].tolist()
        return {name: 100 * sum(values) / len(values) for name, values in hits.items()}


def pretrain(recipe: Recipe, out: Path) -> None:
    """Write the model, its tokenizer and its model card to ``out``."""
    start = time.perf_counter()
    torch.manual_seed(recipe.seed)
    texts = list(passages(recipe.words, recipe.seed))
    tokenizer = train_tokenizer(texts[::4], recipe)
    answers = [tokenizer(word, add_special_tokens=False).input_ids for word in LABEL_WORDS]
    if any(len(ids) != 1 for ids in answers):
        raise SystemExit(f"some of {LABEL_WORDS} are more than one token: raise the vocabulary")
    encoded = tokenizer(texts).input_ids
    train = batches(encoded, recipe.batch, random.Random(recipe.seed))
    trainer = Trainer(recipe, torch.tensor(answers).flatten(), len(train))
    curve, losses = {}, []
    for number, batch in enumerate(train, start=1):
        losses.append(trainer.step(number, batch))
        if number % 100 == 0:
            curve[number] = tuple(sum(column) / len(column) for column in zip(*losses, strict=True))
            losses.clear()
            seconds = time.perf_counter() - start
            print(f"{number}/{len(train)} losses {curve[number]} {seconds:.0f} s", flush=True)
    others = tokenizer(list(passages(100_000, recipe.seed + 1))).input_ids
    held_out = batches(others, recipe.batch, random.Random(recipe.seed))
    right = trainer.accuracy(held_out)
    trainer.model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    minutes = (time.perf_counter() - start) / 60
    facts = {
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "tokens": sum(map(len, encoded)),
        "minutes": minutes,
    }
    (out / "README.md").write_text(masked_card(recipe, facts, right, curve, trainer.device))
