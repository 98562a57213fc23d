"""The model that a run trains: a backbone with a method, and what its answer is read with."""

from __future__ import annotations

from lopa_bench.config.schema import Config
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.readout import Classifier
from lopa_bench.models.backbone import Backbone


def adapt(config: Config, backbone: Backbone) -> AdaptedModel:
    """`backbone` with the method's parameters and what its answer is read with."""
    model = config.method.adapt(backbone)
    if config.readout == "classifier":
        words = config.task.label_words.values()
        # A model of shapes alone has no tokenizer, and it is all the same which words stand for the classes.
        known = backbone.tokenizer is not None
        tokens = [backbone.word_id(word) for word in words] if known else range(len(words))
        size = backbone.config.hidden_size, tokens, backbone.vocabulary
        model.classifier = Classifier(*size).to(backbone.device)
    return model
