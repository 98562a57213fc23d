"""What a run trained, used by programs that know nothing of lopa-bench's training."""

import json
import subprocess
import sys
import warnings

import pytest
import tiny
import torch
from running import complaints
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig
from transformers.utils import logging as transformers_logging

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.host.checksum import CHECKSUM, sealed
from lopa_bench.host.files import load_json
from lopa_bench.models.batches import encode_clozes
from lopa_bench.models.tokens import encoder_ids
from lopa_bench.run.story import run
from lopa_bench.run.trained import load_trained
from lopa_bench.serving.client import SoftPromptClient
from lopa_bench.tasks.example import Example

PEFT_METHODS = [
    (architecture, method)
    for architecture in tiny.MASKED + tiny.CAUSAL
    for method in ("lora", "p_tuning_v2", "prefix_tuning")
] + [(architecture, method) for architecture in ("roberta", "gpt2", "phi3") for method in ("dora", "vera")]


def exported(folder, architecture, method, to, *overrides):
    """A model with moved parameters and the folder it was exported to."""
    config = tiny.settings(folder(architecture), method, *overrides)
    model = tiny.perturbed(tiny.adapt(folder(architecture), method, *overrides))
    to.mkdir(parents=True)
    config.method.export(model, config, to)
    return model


@pytest.mark.parametrize(("architecture", "method"), PEFT_METHODS)
@torch.no_grad()
def test_peft_loads_the_folder_with_equal_logits(architecture, method, tiny_models, tmp_path):
    from peft import PeftModel

    model = exported(tiny_models, architecture, method, tmp_path / "adapter")
    batch = tiny.batch(model, tiny.rows(model))
    untouched = tiny.adapt(tiny_models(architecture), "none").backbone.model
    loaded = PeftModel.from_pretrained(untouched, tmp_path / "adapter").eval()
    logits = loaded(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    torch.testing.assert_close(logits[batch.rows, batch.columns], model(batch), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", ["lora", "p_tuning_v2"])
def test_peft_is_told_the_revision(method, tiny_models, tmp_path):
    """Of a model of the hub it would load the newest one."""
    folder = tiny_models("llama")
    config, model = tiny.settings(folder, method), tiny.adapt(folder, method)
    model.backbone.files = tiny.replace(model.backbone.files, revision="722cf37b")
    config.method.export(model, config, tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))["revision"] == "722cf37b"


def test_answers_read_where_no_other_program_reads_are_not_exported(tiny_models, tmp_path):
    shifted = tiny_models("roberta"), "p_tuning_v2", "method.prefix_reads=shifted"
    config, model = tiny.settings(*shifted), tiny.adapt(*shifted)
    with pytest.raises(UserError, match=r"nearest: a run with method.prefix_reads=mask"):
        config.method.export(model, config, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("architecture", tiny.CAUSAL)
@torch.no_grad()
def test_peft_loads_prompt_tuning_with_equal_logits_and_texts(architecture, tiny_models, tmp_path):
    from peft import PeftModel

    folder = tiny_models(architecture)
    config, model = tiny.settings(folder, "pt"), tiny.perturbed(tiny.adapt(folder, "pt"))
    config.method.export_peft(model, config, tmp_path)
    batch = tiny.batch(model, tiny.rows(model))
    loaded = PeftModel.from_pretrained(tiny.adapt(folder, "none").backbone.model, tmp_path).eval()
    logits = loaded(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    assert loaded.active_peft_config.peft_type == "PROMPT_TUNING"
    torch.testing.assert_close(logits[batch.rows, batch.columns + 4], model(batch), atol=1e-5, rtol=1e-5)


TEXTS = {
    "pt": ["the cat sees a dog . ? <mask> , a dog is red .", "every barn is blue ? <mask> , some barn is not"],
    "idpg": ["the dog eats . It was <mask> ."],
    "lopa": ["a red barn ? <mask> , the barn was red and not blue", "a cat <mask> , a cat", "the dog ? <mask> , a cat"],
    "dept": ["a cat eats <mask> , the cat eats"],
    "adept": ["every dog is red <mask> , the dog eats", "a barn . It was <mask> ."],
    "id_spam": ["the cat is blue ? <mask> , no cat", "a dog sees the red barn and eats ? <mask> , it eats"],
    "smop": ["the barn was not red <mask> , a barn", "a cat sees ? <mask> , the cat"],
}
SERVER = """
import sys, torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM
assert not any(name.startswith("lopa_bench") for name in sys.modules)
model = AutoModelForMaskedLM.from_pretrained(sys.argv[1]).eval()
with torch.no_grad():
    answer = model(**load_file(sys.argv[2])).logits
save_file({"logits": answer}, sys.argv[3])
"""


@torch.no_grad()
def test_one_server_answers_several_tasks_in_one_batch(tiny_models, tmp_path):
    """The paper's point: the server holds the untouched backbone and nothing of any task."""
    requests, expected = [], []
    for method, texts in TEXTS.items():
        model = exported(tiny_models, "roberta", method, tmp_path / method)
        client = SoftPromptClient.load(tmp_path / method)
        requests.append(client.embed(texts))
        rows = encode_clozes(model.backbone.tokenizer, [Example(text, " Yes") for text in texts], 64)
        batch = tiny.batch(model, rows) if model.encoder is None else with_features(model, rows, texts)
        torch.testing.assert_close(client.prompt(texts), model.prompt(batch))
        expected.append((model(batch), batch.columns))

    length = max(request.inputs_embeds.shape[1] for request in requests)

    def stacked(tensors):
        longest = [length - t.shape[1] for t in tensors]
        padded = [t.movedim(1, -1) for t in tensors]
        return torch.cat(
            [torch.nn.functional.pad(t, (0, n)).movedim(-1, 1) for t, n in zip(padded, longest, strict=True)]
        ).contiguous()

    save_file(
        {
            "inputs_embeds": stacked([r.inputs_embeds for r in requests]),
            "attention_mask": stacked([r.attention_mask for r in requests]),
        },
        tmp_path / "request",
    )
    arguments = [str(tiny_models("roberta")), str(tmp_path / "request"), str(tmp_path / "answer")]
    done = subprocess.run([sys.executable, "-c", SERVER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = load_file(tmp_path / "answer")["logits"]

    row = 0
    for request, (logits, columns) in zip(requests, expected, strict=True):
        virtual = request.inputs_embeds.shape[1] - request.input_ids.shape[1]
        for own, column in zip(logits, columns.tolist(), strict=True):
            torch.testing.assert_close(answers[row, virtual + column], own, atol=1e-5, rtol=1e-5)
            row += 1
    assert row == len(answers) == sum(map(len, TEXTS.values()))


def with_features(model, rows, texts):
    batch = tiny.batch(model, [tiny.replace(row, encoder_ids=row.ids) for row in rows])
    batch.features = model.encoder.features(encoder_ids(model.encoder.tokenizer, texts, 64, "right"))
    return batch


@torch.no_grad()
def test_a_causal_client_asks_with_prompt_and_text(tiny_models, tmp_path):
    model = exported(tiny_models, "llama", "lopa", tmp_path / "client")
    client = SoftPromptClient.load(tmp_path / "client")
    request = client.embed(["the cat sees", "a red barn is not blue"])
    assert request.inputs_embeds.shape == (2, 4 + request.input_ids.shape[1], 32)
    assert request.attention_mask.sum(1).tolist() == [4 + 3, 4 + 6]
    assert torch.equal(request.inputs_embeds[:, 4:], model.backbone.embed(request.input_ids))


def test_what_transformers_says_of_an_encoder_it_loads_is_left_out(tiny_models, tmp_path):
    """Of an encoder without its pooler it would advise to train it."""
    exported(tiny_models, "roberta", "lopa", tmp_path / "client")
    transformers_logging.set_verbosity_warning()
    SoftPromptClient.load(tmp_path / "client")
    assert transformers_logging.get_verbosity() == transformers_logging.ERROR


@pytest.mark.parametrize(("architecture", "gap"), [("llama", ""), ("roberta", " ? <mask>")])
def test_a_text_that_a_client_cuts_is_told_of(architecture, gap, tiny_models, tmp_path):
    exported(tiny_models, architecture, "pt", tmp_path / "client", "train.max_length=12")
    client = SoftPromptClient.load(tmp_path / "client")
    short, long = f"the cat sees{gap}", "a red barn is not blue " * 4 + gap
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert client.embed([short, long[:12] + gap]).input_ids.shape[1] <= 12
    with pytest.warns(UserWarning, match="1 of 2 texts .* were cut"):
        request = client.embed([short, long])
    assert request.input_ids.shape[1] == 12
    if gap:
        assert (request.input_ids == client.tokenizer.mask_token_id).any(dim=1).all()


@pytest.mark.parametrize(("architecture", "gap"), [("llama", ""), ("roberta", " ? <mask>")])
def test_a_text_that_the_instance_encoder_alone_cuts_is_told_of_too(architecture, gap, tiny_models, tmp_path):
    exported(tiny_models, architecture, "lopa", tmp_path / "client")
    client = SoftPromptClient.load(tmp_path / "client")
    client.encoder_max_length = 8
    fits, long = f"the cat{gap}", f"{'a red barn is not blue ' * 4}{gap}"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        alone = client.features([fits])
    with pytest.warns(
        UserWarning, match=r"1 of 2 texts .* instance encoder read \(encoder_max_length=8 in .* were cut"
    ):
        both = client.features([fits, long])
    torch.testing.assert_close(both[:1], alone)


@pytest.fixture(scope="module")
def finished(tiny_models, tmp_path_factory):
    """Directories of finished runs, by method."""
    results = tmp_path_factory.mktemp("results")

    def directory(method):
        own = ["method.head_size=16"] if method == "lopa" else []
        overrides = ["model=local", f"model.path={tiny_models('roberta')}", f"results_dir={results}", "data.limit=8"]
        return run(load_config(["task=rte", f"method={method}", "train.epochs=1", *overrides, *own])).directory.path

    return directory


@pytest.mark.parametrize(
    ("method", "written"),
    [
        ("lora", "adapter_config.json"),
        ("lopa", "client.json"),
        ("fft", "config.json"),
        ("p_tuning_v2", "adapter_config.json"),
    ],
)
def test_command(method, written, finished, tmp_path, capsys):
    directory = finished(method)
    assert main(["export", f"run={directory}", f"to={tmp_path / 'out'}"]) == 0
    assert (tmp_path / "out" / written).is_file()
    assert "from_pretrained" in capsys.readouterr().out or method == "lopa"
    (tmp_path / "plain").touch()
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.stat().st_mode for path in files} == {(tmp_path / "plain").stat().st_mode}  # others may read them too
    assert main(["export", f"run={directory}", f"to={tmp_path / 'out'}"]) == 2
    assert "is in use" in capsys.readouterr().err


@torch.no_grad()
def test_a_fine_tuned_causal_model_ends_its_texts_elsewhere_too(tiny_models, tmp_path):
    model = exported(tiny_models, "gpt2", "fft", tmp_path / "out")
    told, tokenizer = GenerationConfig.from_pretrained(tmp_path / "out"), model.backbone.tokenizer
    assert (told.eos_token_id, told.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)


@pytest.mark.parametrize(("texts", "says"), [
    (["no gap here"], "has no <mask>"), ([], "a list of one or more strings"), ([None], "a list of one or more strings"),
    ("a <mask>", "a list of one or more strings"), (["half \ud800 <mask>"], "half of a surrogate pair"),
])  # fmt: skip
def test_what_a_client_cannot_ask_is_one_line(texts, says, finished, tmp_path, tiny_models):
    assert main(["export", f"run={finished('pt')}", f"to={tmp_path / 'out'}"]) == 0
    with pytest.raises(UserError, match=says):
        SoftPromptClient.load(tmp_path / "out").embed(texts)


def test_bad_input_is_one_line(finished, tmp_path, tiny_models, capsys):
    def error(*argv):
        assert main(["export", *map(str, argv)]) == 2
        text = capsys.readouterr().err
        assert len(complaints(text)) == 1
        return text

    directory = finished("none")
    to = f"to={tmp_path / 'out'}"
    assert "there is no finished run" in error(f"run={tmp_path}", to)
    assert "export: to is needed: give to=DIR" in error(f"run={directory}")
    assert "nearest: run=DIR" in error(f"runs={directory}", to)
    assert "a name of 300 bytes is too long" in error(f"run={directory}", f"to={'x' * 300}")
    assert "nearest: card=true" in error(f"run={directory}", to, "licence=mit")
    assert "method=none: there is nothing to export" in error(f"run={directory}", to)
    assert "form=peft: peft has nothing like method=lopa" in error(f"run={finished('lopa')}", to, "form=peft")
    assert "peft has nothing like method=none; nor is there" in error(f"run={directory}", to, "form=peft")
    assert "is masked with method.position=prefix; nearest: form=own" in error(f"run={finished('pt')}", to, "form=peft")
    assert not (tmp_path / "out").exists()
    result = json.loads((directory / "result.json").read_text())
    result["config"]["model"]["weights"] = "other"
    del result["checksum"]  # of what the run wrote
    (directory / "result.json").write_text(json.dumps(result))
    assert "holds other weights than the run was trained on" in error(f"run={directory}", to)
    (directory / "trained.safetensors").unlink()
    with pytest.raises(UserError, match=r"there is no trained\.safetensors"):
        load_trained(directory)
    told = error(f"run={directory}", to)
    assert "as published runs have none that is large or of another seed than 0" in told
    assert (
        "`lopa-bench task=rte method=none model=local model.path=DIR scale=mini seed=0 train.epochs=1 data.limit=8`"
        in told
    )


def test_no_folder_of_this_machine_is_named_and_another_backbone_is_refused(tiny_models, tmp_path):
    folder = tiny_models("gpt2")
    for method in ("lopa", "lora", "prefix_tuning"):
        exported(tiny_models, "gpt2", method, tmp_path / method)
        for path in (tmp_path / method).rglob("*config.json"):
            assert str(folder.parent) not in path.read_text(), path
    about = json.loads((tmp_path / "lopa/client.json").read_text())
    assert about["model"] == folder.name
    assert str(folder.parent) not in (tmp_path / "lopa/client.json").read_text()
    assert SoftPromptClient.load(tmp_path / "lopa", backbone=folder).method.name == "lopa"
    for device in ("cuda:63", "meta", "gpu"):  # a PyTorch without CUDA raised an AssertionError
        with pytest.raises(UserError, match=rf"^device={device}: .*; nearest: device=(cpu|cuda)$"):
            SoftPromptClient.load(tmp_path / "lopa", device=device)
    with pytest.raises(UserError, match=r"^backbone=.*: other weights than gpt2, of which .* is a client$"):
        SoftPromptClient.load(tmp_path / "lopa", backbone=tiny_models("llama"))


def test_a_client_of_other_files_than_were_exported_is_refused(tiny_models, tmp_path):
    exported(tiny_models, "roberta", "lopa", client := tmp_path / "client")
    SoftPromptClient.load(client)
    names = ["client.safetensors", "tokenizer/tokenizer.json", "encoder/model.safetensors", "encoder/config.json"]
    for file in (client / name for name in names):
        whole = file.read_bytes()
        file.write_bytes(whole.replace(b"t", b"s", 1))
        with pytest.raises(UserError, match=f"{file.name} is not what was exported .*; export again"):
            SoftPromptClient.load(client)
        file.unlink()
        with pytest.raises(UserError, match=f"{file.name} is missing; export again"):
            SoftPromptClient.load(client)
        file.write_bytes(whole)
    (client / "README.md").write_text("a card\n")  # which no client reads
    SoftPromptClient.load(client)
    (client / "tokenizer/added_tokens.json").write_text('{"cat": 5}')
    with pytest.raises(UserError, match=r"tokenizer/added_tokens\.json was not exported and would be read"):
        SoftPromptClient.load(client)
    (client / "tokenizer/added_tokens.json").unlink()
    about = load_json(client / "client.json")
    for edited in ({**about, "max_length": 9}, {name: about[name] for name in about if name != CHECKSUM}):
        (client / "client.json").write_text(json.dumps(edited))
        with pytest.raises(UserError, match=r"client\.json was altered after it was exported; export again"):
            SoftPromptClient.load(client)


def test_folders_of_another_kind_are_named(tiny_models, tmp_path):
    exported(tiny_models, "roberta", "lora", tmp_path / "adapter")
    with pytest.raises(UserError, match="is a peft adapter folder"):
        SoftPromptClient.load(tmp_path / "adapter")
    with pytest.raises(UserError, match="is not a whole soft-prompt client"):
        SoftPromptClient.load(tmp_path)
    exported(tiny_models, "roberta", "pt", tmp_path / "client")
    about = {name: value for name, value in load_json(tmp_path / "client/client.json").items() if name != CHECKSUM}
    (tmp_path / "client/client.json").write_text(json.dumps({**about, "format": 9}))
    with pytest.raises(UserError, match="has format 9, this version reads 3"):
        SoftPromptClient.load(tmp_path / "client")
    (tmp_path / "client/client.json").write_text(json.dumps(sealed({**about, "files": [1]})))
    with pytest.raises(UserError, match="is not a whole soft-prompt client"):
        SoftPromptClient.load(tmp_path / "client")
    about["shape"]["width"] = 64
    (tmp_path / "client/client.json").write_text(json.dumps(sealed(about)))
    with pytest.raises(UserError, match="is not a whole soft-prompt client"):
        SoftPromptClient.load(tmp_path / "client")
