"""How a causal model is trained on completions and how it writes."""

import random
from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import pytest
import tiny
import torch
from torch.nn import functional as F
from transformers import Cache, DynamicCache, GenerationConfig
from transformers.cache_utils import DynamicSlidingWindowLayer
from transformers.generation import TopPLogitsWarper

from lopa_bench.config.files import choices
from lopa_bench.config.schema import Generation, Model
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.prompt_tuning import PromptTuning
from lopa_bench.models import kv_cache
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Row, Split, encode_completions, encode_prompts
from lopa_bench.models.decoding import GenerationSpec, Watch, nuclei
from lopa_bench.models.tokens import is_ended, new_text
from lopa_bench.run.gradients import backward
from lopa_bench.run.predict import write
from lopa_bench.tasks.example import Example

ARCHITECTURES = ["gpt2", "llama", "codegen", "phi"]
SETTINGS = {
    "decoding": "greedy",
    "max_new_tokens": 12,
    "temperature": 1.0,
    "top_p": 0.9,
    "num_samples": 1,
    "num_beams": 5,
    "length_penalty": 0.8,
    "count_prompt": False,
    "select_rows": None,
}


def load(folder, method=None):
    model = Model(
        name="tiny",
        path=str(folder),
        revision=None,
        kind="auto",
        encoder="backbone",
        encoder_revision=None,
        lora_targets=None,
    )
    backbone = Backbone.load(model, "fp32", torch.device("cpu"), offline=True)
    torch.manual_seed(0)
    return (method.adapt(backbone) if method else AdaptedModel(backbone)).eval()


def prompts(model, lengths=(3, 9, 1, 17, 6)):
    draw = random.Random(0)
    vocabulary = len(model.backbone.tokenizer)
    rows = [Row([draw.randrange(10, vocabulary) for _ in range(n)], [], [], []) for n in lengths]
    return Split(rows, model.backbone.tokenizer.pad_token_id, side="left")


def spec(stop_words=(), seed=0, **settings):
    settings = Generation(**{**SETTINGS, **settings})
    return GenerationSpec(settings, tuple(stop_words), settings.max_new_tokens, seed)


def written(model, tokens):
    """Each row up to its end token."""
    end = model.backbone.tokenizer.eos_token_id
    return [ids[: ids.index(end)] if end in ids else ids for ids in tokens.tolist()]


def one_by_one(model, split, how):
    return [row for i in range(len(split)) for row in written(model, model.generate(split.batch([i]), how))]


class Prefixed(AdaptedModel):
    """A method that gives keys and values of three positions to every layer."""

    def inputs(self, batch):
        embeds, mask = super().inputs(batch)
        return embeds, torch.cat([mask.new_ones(len(mask), 3), mask], dim=1)

    def past(self, batch):
        config = self.backbone.config
        heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
        shape = (len(batch.index), heads, 3, config.hidden_size // config.num_attention_heads)
        generator = torch.Generator().manual_seed(5)
        cache = DynamicCache()
        for layer in range(config.num_hidden_layers):
            key, value = (torch.randn(shape[1:], generator=generator).expand(shape) for _ in range(2))
            cache.update(key.clone(), value.clone(), layer)
        return cache


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "how", [spec(), spec(decoding="beam"), spec(decoding="sample", num_samples=2)], ids=["greedy", "beam", "sample"]
)
@pytest.mark.parametrize("kind", ["plain", "soft prompt", "prefix"])
def test_a_batch_writes_what_its_rows_write_alone(tiny_models, architecture, how, kind):
    folder = tiny_models(architecture)
    if kind == "soft prompt":
        model = load(folder, PromptTuning(name="pt", num_virtual_tokens=4))
    else:
        model = load(folder)
        if kind == "prefix":
            model = Prefixed(model.backbone).eval()
    split = prompts(model)
    together = written(model, model.generate(split.batch(range(len(split))), how))
    assert together == one_by_one(model, split, how)
    assert len({tuple(row) for row in together}) > 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_is_the_argmax_of_the_forward_pass(tiny_models, architecture):
    """An oracle without cache, padding or `generate`: append the most likely token, and start again."""
    model = load(tiny_models(architecture), PromptTuning(name="pt", num_virtual_tokens=4))
    split = prompts(model)
    new = written(model, model.generate(split.batch(range(len(split))), spec(max_new_tokens=6)))
    for row, tokens in zip(split.rows, new, strict=True):
        ids = list(row.ids)
        for token in tokens:
            batch = Split([Row(ids, [len(ids) - 1], [0], [])], 0).batch([0])
            assert model(batch).argmax().item() == token
            ids.append(token)


@pytest.mark.parametrize("how", [{}, {"decoding": "sample", "num_samples": 2}, {"decoding": "beam", "num_beams": 2}])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_the_head_reads_no_view_into_other_positions(tiny_models, architecture, how):
    """Of which PyTorch would copy the head's matrix once a row."""
    model = load(tiny_models(architecture))
    seen = []
    head = model.backbone.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda module, args, output: seen.append(args[0].is_contiguous()))
    model.generate(prompts(model).batch([0, 1, 2]), spec(**how))
    hook.remove()
    assert seen
    assert all(seen)


@pytest.mark.parametrize("method", choices("method"))
def test_every_method_writes_what_it_was_trained_to_write(tiny_models, method):
    """Greedy text is the argmax of the training pass over that text, and rows write alone what they write together."""
    if not tiny.settings(tiny_models("gpt2"), method).method.written_by:
        pytest.skip("it writes nothing")
    model = tiny.perturbed(tiny.adapt(tiny_models("gpt2"), method))
    rows = [replace(row, encoder_ids=row.ids) if model.encoder else row for row in prompts(model).rows]

    def split_of(chosen, side):
        split = Split(chosen, model.backbone.tokenizer.pad_token_id, side=side)
        if model.encoder is not None:
            split.features = model.encoder.features([row.encoder_ids for row in chosen])
        return split

    split = split_of(rows, "left")
    new = written(model, model.generate(split.batch(range(len(rows))), spec(max_new_tokens=6)))
    assert new == one_by_one(model, split, spec(max_new_tokens=6))
    trained = [
        Row(row.ids + tokens, [len(row.ids) - 1 + i for i in range(len(tokens))], tokens, row.encoder_ids)
        for row, tokens in zip(rows, new, strict=True)
    ]
    batch = split_of(trained, "right").batch(range(len(rows)))
    assert model(batch).argmax(1).tolist() == batch.targets.tolist()


def test_samples_follow_the_seed_and_the_distribution(tiny_models):
    model = load(tiny_models("gpt2"))
    split = prompts(model)
    batch = split.batch(range(len(split)))
    how = {"decoding": "sample", "num_samples": 3}
    first = model.generate(batch, spec(seed=1, **how)).tolist()
    assert first == model.generate(batch, spec(seed=1, **how)).tolist()
    assert first != model.generate(batch, spec(seed=2, **how)).tolist()
    assert len({tuple(row) for row in first}) > len(split)

    # A row's first tokens over many samples against its probabilities.
    many = model.generate(
        split.batch([0]), spec(decoding="sample", num_samples=4000, max_new_tokens=1, top_p=1.0, temperature=2.0)
    )
    ids = split.rows[0].ids
    logits = model(Split([Row(ids, [len(ids) - 1], [0], [])], 0).batch([0]))[0] / 2.0
    expected, seen = logits.softmax(0), many.flatten().bincount(minlength=len(logits)) / 4000
    assert (expected - seen).abs().sum() < 0.25  # total variation of 4,000 draws; 2.0 would be disjoint
    likely = expected.topk(5).indices
    assert seen[likely].tolist() == pytest.approx(expected[likely].tolist(), abs=0.03)

    nucleus = model.generate(split.batch([0]), spec(decoding="sample", num_samples=200, max_new_tokens=1, top_p=1e-6))
    assert set(nucleus.flatten().tolist()) == {logits.argmax().item()}


@pytest.mark.parametrize("top_p", [0.3, 0.95, 1.0])
@pytest.mark.parametrize("spread", [0.1, 4.0])
def test_the_nucleus_is_that_of_the_whole_vocabulary_sorted(top_p, spread):
    """Against transformers' own warper, for flat distributions, which need the whole vocabulary, and peaked ones."""
    scores = spread * torch.randn(5, 9000, generator=torch.Generator().manual_seed(0))
    kept = TopPLogitsWarper(top_p)(None, scores).softmax(-1)
    found = torch.zeros_like(scores)
    for rows, tokens, weights in nuclei(scores, top_p):
        found[rows] = found[rows].scatter(1, tokens, weights)
        assert (tokens.diff() > 0).all()  # in the vocabulary's order, which a row's random number goes through
    torch.testing.assert_close(found / found.sum(-1, keepdim=True), kept, atol=1e-7, rtol=1e-4)


def test_a_flat_row_leaves_the_others_a_short_nucleus():
    flat, peaked = torch.zeros(9000), torch.zeros(9000).index_fill(0, torch.tensor([7]), 20.0)
    groups = [(rows.tolist(), tokens.shape[1]) for rows, tokens, _ in nuclei(torch.stack([peaked, flat, peaked]), 0.9)]
    assert [group for group in groups if group[0]] == [([0, 2], 256), ([1], 9000)]


def test_beam_search_is_the_exhaustive_one(tiny_models):
    """With as many beams as there are texts of two tokens that matter, the best by mean log-probability^0.8 wins."""
    model = load(tiny_models("gpt2"))
    split = prompts(model, lengths=(4,))
    ids = split.rows[0].ids
    end = model.backbone.tokenizer.eos_token_id

    def log_probabilities(prefix):
        batch = Split([Row(prefix, [len(prefix) - 1], [0], [])], 0).batch([0])
        return model(batch)[0].log_softmax(0)

    first = log_probabilities(ids)
    scores = {(end,): first[end].item()}
    for token in first.topk(8).indices.tolist():
        if token != end:
            second = log_probabilities([*ids, token])
            for last in second.topk(8).indices.tolist():
                scores[token, last] = (first[token] + second[last]).item() / 2**0.8
    best = max(scores, key=scores.get)
    found = model.generate(split.batch([0]), spec(decoding="beam", num_beams=8, max_new_tokens=2))[0].tolist()
    assert tuple(found) == best


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "gpt_neo"])
def test_beams_that_share_a_cache_are_those_that_have_their_own(tiny_models, architecture):
    """Against transformers' beam search on tokens, whose every beam keeps all keys and values and takes them along."""
    model = load(tiny_models(architecture))
    end, split = model.backbone.tokenizer.eos_token_id, prompts(model)
    new = written(model, model.generate(split.batch(range(len(split))), spec(decoding="beam", max_new_tokens=30)))
    assert not model.backbone.model._forward_hooks
    for row, tokens in zip(split.rows, new, strict=True):
        plain = GenerationConfig(max_new_tokens=30, num_beams=5, length_penalty=0.8, eos_token_id=end, pad_token_id=end)
        plain.do_sample = False
        theirs = model.backbone.model.generate(torch.tensor([row.ids]), generation_config=plain)[
            0, len(row.ids) :
        ].tolist()
        assert tokens == (theirs[: theirs.index(end)] if end in theirs else theirs)


@pytest.mark.parametrize("how", [{"decoding": "greedy"}, {"decoding": "beam"}], ids=["greedy", "beam"])
def test_texts_longer_than_the_cache_has_room_for(tiny_models, how, monkeypatch):
    model = load(tiny_models("llama"))
    batch = prompts(model).batch(range(5))
    wide = model.generate(batch, spec(**how, max_new_tokens=30))
    monkeypatch.setattr(kv_cache, "_ROOM", 3)
    assert model.generate(batch, spec(**how, max_new_tokens=30)).tolist() == wide.tolist()


def test_beams_of_a_sliding_window_keep_their_own_cache(tiny_models):
    """Its layers forget by counting back from the newest position; every beam of a shared cache adds one."""
    model = load(tiny_models("llama"))
    layers = [DynamicSlidingWindowLayer(sliding_window=8)]
    assert not kv_cache.can_share(Cache(layers=layers))
    assert kv_cache.with_room(Cache(layers=layers)).layers == layers
    assert kv_cache.can_share(DynamicCache(config=model.backbone.config))


def test_a_row_stops_at_its_own_stop_word(tiny_models):
    model = load(tiny_models("llama"))
    tokenizer = model.backbone.tokenizer
    split = prompts(model)
    batch = split.batch(range(len(split)))
    free = written(model, model.generate(batch, spec(max_new_tokens=20)))
    texts = [tokenizer.decode(ids) for ids in free]
    pairs = {text[i : i + 2] for text in texts for i in range(1, len(text) - 2)}
    word = min(
        pair for pair in pairs if pair.isascii() and pair.isprintable() and sum(pair in text for text in texts) == 2
    )
    rows_with = [i for i, text in enumerate(texts) if word in text]
    stopped = model.generate(batch, spec([word], max_new_tokens=20)).tolist()
    for i, ids in enumerate(stopped):
        text = new_text(tokenizer, ids, 20, [word])
        assert text == texts[i].split(word)[0]
        assert is_ended(tokenizer, ids, 20, [word]) == (i in rows_with or tokenizer.eos_token_id in ids)
        own = [token for token in ids if token != tokenizer.pad_token_id]
        if i in rows_with:
            # Nothing is written after the token that completes the word.
            assert word in tokenizer.decode(own)
            assert word not in tokenizer.decode(own[:-1])
        else:
            assert own[: len(free[i])] == free[i]


def test_a_text_has_an_end_before_its_own_budget_or_none(tiny_models):
    tokenizer = load(tiny_models("gpt2")).backbone.tokenizer
    a, stop, end = (tokenizer("a", add_special_tokens=False)["input_ids"][0], ".", tokenizer.eos_token_id)
    (dot,) = tokenizer(stop, add_special_tokens=False)["input_ids"]
    assert not is_ended(tokenizer, [a] * 5, 5, [stop])
    assert is_ended(tokenizer, [a] * 4, 5, [stop])
    assert is_ended(tokenizer, [a, a, dot, tokenizer.pad_token_id, tokenizer.pad_token_id], 5, [stop])
    assert not is_ended(tokenizer, [a, a, dot, a, a], 2, [stop])  # of another row's budget, which it is cut to
    assert is_ended(tokenizer, [a, a, a, a, end], 5, [])
    assert not is_ended(tokenizer, [a, a, a, a, end], 4, [])


def test_padding_on_the_left_changes_nothing(tiny_models):
    for architecture in ARCHITECTURES:
        model = load(tiny_models(architecture), PromptTuning(name="pt", num_virtual_tokens=4))
        ids = [11, 12, 13, 14]
        alone = Split([Row(ids, [3], [0], [])], 0).batch([0])
        wide = Split([Row(ids, [13], [0], []), Row(list(range(20, 34)), [13], [0], [])], 0, side="left").batch([0, 1])
        assert torch.allclose(model(alone)[0], model(wide)[0], atol=1e-5), architecture


def test_loss_is_on_the_completion_only(tiny_models):
    model = load(tiny_models("gpt2"))
    tokenizer = model.backbone.tokenizer
    examples = [
        Example("the cat sees", " a dog"),
        Example("<bos>every", " red barn eats"),
        Example("It was not", " blue ."),
    ]
    split = Split(encode_completions(tokenizer, examples, max_length=40, room=10), tokenizer.pad_token_id)
    losses = []
    for example in examples:  # token by token, one prefix at a time
        ids = tokenizer(example.input.replace("<bos>", tokenizer.bos_token))["input_ids"]
        for target in [*tokenizer(example.target)["input_ids"], tokenizer.eos_token_id]:
            logits = model.backbone.model(torch.tensor([ids])).logits[0, -1]
            losses.append(F.cross_entropy(logits, torch.tensor(target)).item())
            ids = [*ids, target]
    loss = backward(model, split, [0, 1, 2], [], len(losses), lambda rows: nullcontext(), Processes())
    assert loss.item() == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_lengths(tiny_models):
    tokenizer = load(tiny_models("gpt2")).backbone.tokenizer
    prompt, completion = " ".join(["the cat"] * 20), " ".join(["dog"] * 9)
    whole = tokenizer(prompt)["input_ids"]
    example = Example(prompt, completion)
    assert len(whole) > 30

    cut = encode_prompts(tokenizer, [example], max_length=30, room=10)[0]
    assert list(cut.ids) == whole[-20:]
    training = encode_completions(tokenizer, [example], max_length=30, room=10)[0]
    target = [*tokenizer(completion)["input_ids"], tokenizer.eos_token_id]
    assert [*training.ids, training.targets[-1]] == (whole[-20:] + target)[:30]
    assert training.columns == range(19, 19 + len(training.targets))
    assert [training.ids[c] for c in training.columns[1:]] == list(training.targets[:-1])

    # Without a fixed room the input gives way to the whole completion.
    training = encode_completions(tokenizer, [example], max_length=30, room=None)[0]
    assert list(training.targets) == target
    assert len(training.ids) + 1 == 30
    (cut,) = encode_prompts(tokenizer, [example], max_length=30, room=None)
    assert list(cut.ids) == whole[-29:]


def test_a_row_takes_what_its_input_leaves(tiny_models):
    model = load(tiny_models("gpt2"))
    model.backbone.tokenizer.eos_token_id = 1  # never end early: the tiny model hardly writes it
    split = prompts(model)
    task = SimpleNamespace(stop_words=[], answer=lambda text: text, label_words={})
    config = SimpleNamespace(
        generation=Generation(**{**SETTINGS, "max_new_tokens": None}),
        task=task,
        train=SimpleNamespace(eval_batch_size=5),
        method=SimpleNamespace(prompt_length=0),
        text_length=20,
        seed=0,
    )
    together = write(model, split, config)
    config.train.eval_batch_size = 1
    assert together == write(model, split, config)
    assert len(together.texts[3][0]) < len(together.texts[2][0])
    config.text_length = model.backbone.files.positions  # a long row does not go on where a short one still may
    alone = write(model, split, config)
    config.train.eval_batch_size = 5
    assert write(model, split, config) == alone


def test_samples_do_not_depend_on_the_process_that_writes_them(tiny_models):
    model = load(tiny_models("gpt2"))
    split = prompts(model)
    config = SimpleNamespace(
        generation=Generation(**{**SETTINGS, "decoding": "sample", "num_samples": 2}),
        task=SimpleNamespace(stop_words=[], answer=lambda text: text, label_words={}),
        train=SimpleNamespace(eval_batch_size=4),
        method=SimpleNamespace(prompt_length=0),
        text_length=60,
        seed=0,
    )
    whole = write(model, split, config).texts
    assert write(model, split.part([1, 3]), config).texts == [whole[1], whole[3]]
    assert write(model, split.part([0, 2, 4]), config).texts == [whole[0], whole[2], whole[4]]


def test_every_sample_has_a_seed_of_its_own():
    seeds = [
        GenerationSpec(None, (), 1, seed).row_seed(row, sample)
        for seed, row, sample in product(range(3), range(5), range(4))
    ]
    assert len(set(seeds)) == 60


def test_a_broken_logit_is_not_forgotten():
    watch = Watch()
    for value in (0.0, float("nan"), 0.0):
        watch(torch.zeros(1, 1), torch.tensor([[value, 1.0]]))
    assert watch.broken
