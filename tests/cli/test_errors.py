"""Bad input: one line that names the key, the value and the nearest valid choice, exit status 2, before torch is loaded."""

import subprocess
import sys

import pytest
from running import refusal

from lopa_bench.cli.main import main
from lopa_bench.config.overrides import jobs
from lopa_bench.errors import in_a_line

BAD = [
    ("task=rt", "task=rt", "task=rte"),
    ("method=lpoa", "method=lpoa", "method=lopa"),
    ("model=roberta_larg", "model=roberta_larg", "model=roberta_large"),
    ("scale=minni", "scale=minni", "scale=mini"),
    ("recipe=null", "recipe=null", "paper"),
    ("~scale", "scale=null", "mini"),
    ("~train", "~train", "give them values"),
    ("~scale.name", "scale.name=null", "scale=mini"),
    ("~method.name", "method.name=null", "conf.path=DIR"),
    ("model.path=null", "model.path=null", "give model.path=…"),
    ("models.dir=5", "models.dir=5", "no such folder"),
    ("--cfg job +seed=1", "+seed=1", "nearest: seed=1"),
    ("+train.lr=5", "+train.lr=5", "nearest: train.lr=5"),
    ("-m --cfg job seed=1,2", "multirun", "leave -m out"),
    ("--cfg job -p trainn", "package=trainn", "nearest: train"),
    ("-m seed=glob(*)", "seed=glob(*)", "is of choices"),
    ("-m task=glob(zz*)", "task=glob(zz*)", "no value at all"),
    ("-m seed=range(0,0)", "seed=range(0,0)", "ends before its last number"),
    ("-m seed=range(0,1,0)", "seed=range(0,1,0)", "must not be zero"),
    ("-m seed=range(0,50),-1", "seed=range(0,50),-1", "no list of values"),
    ("-m hydra/launcher=joblib hydra.launcher.n_jobs=0", "n_jobs=0", "-1 is one for each core"),
    ("-m hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0", "nearest: hydra.sweeper.n_trials=1"),
    ("-m hydra.sweeper.max_batch_size=-1", "max_batch_size=-1", "nearest: hydra.sweeper.max_batch_size=1"),
    ("-m hydra.sweeper.direction=up", "hydra.sweeper.direction=up", "minimize, maximize"),
    ("-m hydra.sweep.dir=/tmp", "hydra.sweep.dir=/tmp", "below results_dir; leave it out"),
    (
        f"-m train.epochs=1,2 checkpoint_every={','.join(map(str, range(1, 40)))},-1",
        "checkpoint_every=-1",
        "checkpoint_every=",
    ),
    ("task=rte =5", "'=5'", "key=value"),
    ("task@foo=rte", "task@foo=rte", "nearest: task=rte"),
    ("train.lr=${nope}", "train.lr", "'nope' not found"),
    ("config_dir=/tmp", "config_dir=/tmp", "conf.path=DIR"),
    (
        "method=pt method.num_virtual_tokens=100000",
        "num_virtual_tokens=100000",
        "nearest: method.num_virtual_tokens=128",
    ),
    ("recipe=offical", "recipe=offical", "recipe=official"),
    ("metod=lopa", "metod=lopa", "method"),
    ("method.rnk=3", "method.rnk=3", "method.rank"),
    ("train.learning_rate=1", "train.learning_rate=1", "train."),
    ("+foo=3", "foo=3", "--cfg job"),
    ("device=cuda", "device=cuda", "CUDA_VISIBLE_DEVICES"),
    ("task=squad", "task=squad", "mrpc, qnli"),
    ("task=rte rte", "'rte'", "nearest: task=rte"),
    ("task=ｒｔｅ", "ｒｔｅ", "nearest: task=rte"),
    ("task=mbpp generation.num_samples=10", "generation.num_samples=10", "nearest: generation.decoding=sample"),
    ("task=e2e generation.num_samples=3 generation.decoding=sample", "one text a row", "generation.num_samples=1"),
    ("task=mbpp generation.decoding=sample generation.temperature=1e-40", "generation.temperature=1e-40", "1e-06"),
    ("task=e2e generation.num_beams=4", "generation.num_beams=4", "nearest: generation.decoding=beam"),
    (
        "task=mbpp method=pt selection=last generation.select_rows=3",
        "generation.select_rows=3",
        "nearest: selection=holdout",
    ),
    ("task=mbpp generation.top_p=0.9", "generation.top_p=0.9", "nearest: generation.decoding=sample"),
    (
        "task=mbpp generation.decoding=sample generation.length_penalty=2",
        "generation.length_penalty=2.0",
        "decoding=beam",
    ),
    ("method=lopa train.encoder_lr=1e-4", "train.encoder_lr=0.0001", "nearest: method.freeze_encoder=false"),
    ("method=lopa method.head_layers=1 method.head_size=17", "method.head_size=17", "nearest: method.head_layers=2"),
    ("task=classify task.name=reviews", "task.name=reviews", "conf.path=DIR names a folder with a task/NAME.yaml"),
    (
        "task=sst2 model=mini_clm method=encoder_probe method.pooling=first",
        "pooling=first",
        "nearest: method.pooling=mean",
    ),
    ("method=pt train.encoder_lr=1e-4", "train.encoder_lr=0.0001", "trains no instance encoder"),
    ("selection=last train.evaluations=10", "train.evaluations=10", "nearest: selection=holdout"),
    ("method=none train.evaluations=10", "train.evaluations=10", "a run without epochs has no curve"),
    ("task=mbpp data.source=mini_fresh", "data.source=mini_fresh", "these have two: rte, mnli"),
    ("train.lr=nan", "train.lr=nan", "finite number"),
    ("train.lr=1e400", "train.lr=inf", "finite number"),
    ("-m train.lr=interval(0,1)", "interval(0,1)", "hydra/sweeper=optuna"),
    ("-m method=none seed=0,1 seed=2", "seed=0,1: seed is given twice", "with all its values"),
    ("-m seed=range(0,1e9)", "seed=range(0,1e9)", "a sweep has fewer"),
    ("plan table=e2e train.lr=abc commands=true", "train.lr=abc", "not a number"),
    ("reproduce table=e2e data.limit=0", "data.limit=0", "nearest: data.limit=1"),
    ("conf.path=", "conf.path=", "name a folder"),
    ("runs results_dir=/proc/version", "results_dir=/proc/version", "it is no folder"),
    ("grid -n method=pt results_dir=/proc/version", "results_dir=/proc/version", "it is no folder"),
    ("publish to=/proc/version", "to=/proc/version", "is a file"),
    ("report output=/proc/version/x", "output=/proc/version/x", "is a file"),
    ("runs output=/proc", "output=/proc", "is a folder, not a file"),
    ("method=lopa method.head_layers=true", "method.head_layers=true", "whole number"),
    ("method=lopa model.encoder_revision=abc", "model.encoder_revision=abc", "nearest: model.revision=abc"),
    ("task=mbpp method=pt task.timeout_s=0.05", "task.timeout_s=0.05", "nearest: task.timeout_s=0.1"),
    ("task=mbpp method=pt task.timeout_s=1e30", "task.timeout_s=1e+30", "nearest: task.timeout_s=86400"),
    ("-m seed=0 hydra/launcher=slurm", "hydra/launcher=slurm", "submitit_slurm"),
    ("-m seed=0 hydra/sweeper=ax", "hydra/sweeper=ax", "optuna"),
    ("results_dir=/proc/version", "results_dir=/proc/version", "is a file"),
    ("results_dir=/dev/full/x", "results_dir=/dev/full/x", "is not a folder"),
    ("method=pt method.rank=3", "method.rank=3", "nearest"),
    ("method=lopa +method.phm_blocks=8", "method.phm_blocks=8", "with method=lopa; nearest: method=lopa_phm"),
    ("task=e2e task.causal_template=x", "task.causal_template=x", "with task=e2e; nearest: task="),
    ("method.rank=0", "method.rank=0", "method.rank=1"),
    ("method.rank=-2", "method.rank=-2", "method.rank=1"),
    ("method.rank=2.5", "method.rank=2.5", "whole number"),
    ("method.rank=four", "method.rank=four", "whole number"),
    ("method.rank=true", "method.rank=true", "whole number"),
    ("method.num_virtual_tokens=0", "method.num_virtual_tokens=0", "method.num_virtual_tokens=1"),
    ("method.pooling=men", "method.pooling=men", "method.pooling=mean"),
    ("method.combine=gated", "method.combine=gated", "method.combine=gate"),
    ("method.dropout=1.0", "method.dropout=1.0", "below 1"),
    ("method.freeze_encoder=maybe", "method.freeze_encoder=maybe", "true or false"),
    ("method=idpg_phm method.phm_blocks=7", "method.phm_blocks=7", "does not divide"),
    ("train.lr=abc", "train.lr=abc", "a number"),
    ("train.lr=-1", "train.lr=-1", "train.lr=0"),
    ("train.epochs=1.5", "train.epochs=1.5", "whole number"),
    ("train.batch_size=0", "train.batch_size=0", "train.batch_size=1"),
    ("train.schedule=linar", "train.schedule=linar", "train.schedule=linear"),
    ("train.max_length=600", "train.max_length=600", "nearest: train.max_length="),
    ("selection=hold", "selection=hold", "selection=holdout"),
    ("seed=-1", "seed=-1", "seed=0"),
    ("seed=4294967296", "seed=4294967296", "4294967295"),
    ("seed=", "seed=", "whole number"),
    ("recipe=official task=mbpp", "task=mbpp", "recipe=paper"),
    ("force=maybe", "force=maybe", "true or false"),
    ("sandbox.allow_unsafe=5", "sandbox.allow_unsafe=5", "true or false"),  # though rte runs no programs
    ("wait=false", "wait=false", "put -m before it"),
    ("detach=true", "detach=true", "put -m before it"),
    ("resolve=true", "resolve", "put --cfg job before it"),
    ("data.limit=0", "data.limit=0", "data.limit=1"),
    ("data.train=", "data.train=", "it is empty"),
    ("data.validation=", "data.validation=", "it is empty"),
    ("data.test=", "data.test=", "it is empty"),
    ("init_from=", "init_from=", "it is empty"),
    ("results_dir=", "results_dir=", "it is empty"),
    ("method=lora model.lora_targets=[]", "model.lora_targets=[]", "give model.lora_targets=[…]"),
    ("task=e2e method=pt task.columns.mr=[]", "task.columns.mr=[]", "give task.columns.mr=[…]"),
    (
        "task=e2e method=pt generation.length_penalty=200",
        "generation.length_penalty=200",
        "generation.length_penalty=30",
    ),
    ("data.source=fils", "data.source=fils", "data.source=files"),
    ("data.source=files", "data.dir", "train.tsv"),
    ("data.source=files data.dir=/nowhere", "data.dir=/nowhere", "no such folder"),
    ("data.source=files data.dir=.", "data.dir=.", "train.tsv"),
    ("model=local", "model.path", "model.path=…"),
    ("scale=small", "model.path=distilbert/distilroberta-base", "then models.dir=DIR"),
    ("scale=small models.dir=/nowhere", "models.dir=/nowhere", "no such folder"),
    ("model=minilm_mlm", "model.path=minilm_mlm", "models.dir=DIR with a folder DIR/minilm_mlm"),
    ("data.train_limit=0", "data.train_limit=0", "data.train_limit=1"),
    ("model.path=/nowhere", "model.path=/nowhere", "model=local model.path=/nowhere"),
    (
        "scale=paper model.path=roberta-base",
        "model.path=roberta-base",
        "models.dir=DIR with a folder DIR/roberta_large",
    ),
    ("model=local model.path=/nowhere", "model.path=/nowhere", "no such folder"),
    ("model=local model.path=.", "model.path=.", "config.json"),
    ("task.label_words.entailment=Zorgle", "task.label_words.entailment='Zorgle'", "nearest"),
    ("method=lopa,pt", "method=lopa,pt", "-m"),
    ("lopa", "'lopa'", "nearest: method=lopa"),
    ("reprot", "'reprot'", "nearest: report"),
    ("task", "'task' needs a choice", "lopa-bench list task"),
    ("quux", "'quux'", "lopa-bench help"),
    ("task=rte extra", "'extra'", "key=value"),
    ("list metods", "metods", "methods"),
]


@pytest.mark.parametrize(("line", "names", "offers"), BAD, ids=[b[0] for b in BAD])
def test_one_line_and_exit_status_2(line, names, offers, capsys):
    error = refusal(line.split(), capsys)
    assert names in error
    assert offers in error


def test_an_empty_word_is_an_unset_variable(capsys):
    assert main(["task=rte", ""]) == 2
    assert "run: a word is empty; is a variable of the shell unset?" in capsys.readouterr().err


def test_choices_may_be_globbed(capsys):
    assert (
        main(["-m", "task=glob(rt*)", "method=none", "data.dir=/nowhere"]) == 2
    )  # of that one task, which has no such folder
    assert "data.dir=/nowhere" in capsys.readouterr().err
    assert jobs(["method=glob(lopa*)", "seed=0,1"])[:2] == [["method=lopa", "seed=0"], ["method=lopa", "seed=1"]]


def test_a_choice_that_is_like_none_is_not_guessed(capsys):
    assert main(["task=squad"]) == 2
    assert "nearest" not in capsys.readouterr().err


def test_a_sweep_checks_every_value_before_it_starts(capsys):
    assert main(["-m", "method=lopa,lpoa"]) == 2
    assert "method=lopa" in capsys.readouterr().err
    assert main(["-m", "method.rank=1,0"]) == 2
    assert "method.rank=0" in capsys.readouterr().err


def test_traceback_only_on_request(capsys, monkeypatch):
    monkeypatch.setenv("LOPA_DEBUG", "1")
    assert main(["seed=-1"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_what_a_library_says_is_one_line_even_where_it_says_nothing():
    assert in_a_line(ValueError(" first\nsecond")) == "first"
    assert in_a_line(ValueError("first"), kind=True) == "ValueError: first"
    assert in_a_line(KeyError()) == in_a_line(KeyError(), kind=True) == "KeyError"


@pytest.mark.parametrize("line", ["--help", "list", "method.rank=0", "--cfg job"])
def test_answers_without_torch(line):
    code = (
        "import sys; from lopa_bench.cli.main import main; status = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *line.split()], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 2), done.stderr
    assert "AssertionError" not in done.stderr
