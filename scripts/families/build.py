"""Every family of transformers' masked and causal LMs, built tiny from its own configuration class."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from lopa_bench.config.fields import Kind

AUTO: dict[Kind, Any] = {"masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM}
NAMES: dict[Kind, Any] = {
    "masked": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
}
LARGEST = 5_000_000  # parameters; what cannot be made smaller is left out
PAD, BEGIN, END = 1, 2, 3

# The words that configuration classes have for one size.
SIZES = {
    64: "vocab_size intermediate_size n_inner ffn_dim hidden_dim dff d_inner decoder_ffn_dim encoder_ffn_dim",
    32: "hidden_size d_model n_embd embed_dim emb_dim dim embedding_size word_embed_proj_dim moe_intermediate_size",
    2: "num_hidden_layers n_layer n_layers num_layers decoder_layers encoder_layers num_key_value_heads num_kv_heads num_experts_per_tok",
    4: "num_attention_heads n_head n_heads num_heads decoder_attention_heads encoder_attention_heads num_experts n_routed_experts "
    "num_local_experts",
    8: "head_dim d_head",
    192: "max_position_embeddings n_positions max_seq_len",
}
# Where a family's sizes hang together in a way of its own.
OWN: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2},
    "esm": {"mask_token_id": 4, "position_embedding_type": "rotary"},
    "nemotron": {"num_key_value_heads": 2},
    "mobilebert": {"embedding_size": 32, "intra_bottleneck_size": 32, "true_hidden_size": 32},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False},
    "gemma2": {"final_logit_softcapping": 0.5, "query_pre_attn_scalar": 8, "sliding_window": 64},
    "granite": {"logits_scaling": 8.0, "embedding_multiplier": 12.0, "residual_multiplier": 0.22},
    "cohere": {"logit_scale": 0.0625},
    "falcon_h1": {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 16},
    "codegen": {"rotary_dim": 4},
    "gptj": {"rotary_dim": 4},
    "opt": {"word_embed_proj_dim": 16, "do_layer_norm_before": False},
    "xlnet": {"d_inner": 64},
    # Some layers of these keep keys and values, others do not: enough of them to have both.
    **{
        family: {"num_hidden_layers": 8}
        for family in "qwen3_next qwen3_5_text qwen3_5_moe_text qwen4_exp_text olmo_hybrid lfm3 recurrent_gemma jamba".split()
    },
    # Latent attention (DeepSeek): every head has keys of its own.
    **{
        family: {"num_key_value_heads": 4, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
        for family in "deepseek_v2 deepseek_v3 deepseek_v32 axk1 axk2 glm4_moe_lite glm_moe_dsa minicpm3 youtu longcat_flash".split()
    },
}


def config(kind: Kind, family: str) -> PreTrainedConfig:
    """A small configuration of `family` without dropout. Raises whatever its class raises of sizes that it does not like."""
    made = CONFIG_MAPPING[family]
    known = made().to_dict()
    small = {
        name: size
        for size, names in SIZES.items()
        for name in names.split()
        if (type(known.get(name)) is int or name in made.attribute_map)
    }
    still = {
        name: 0.0
        for name, value in known.items()
        if isinstance(value, float) and ("dropout" in name or "pdrop" in name)
    }
    special = {"pad_token_id": PAD, "bos_token_id": BEGIN, "eos_token_id": END}
    both = kind == "causal" and family in NAMES["masked"]  # a causal LM only as a decoder
    return made(**small | still | special | ({"is_decoder": True} if both else {}) | OWN.get(family, {}))


def build(kind: Kind, family: str) -> PreTrainedModel:
    """A random model, its weights as large as a trained one's, so that a wrong position or mask is seen in its logits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = config(kind, family)
        with torch.device("meta"):
            size = AUTO[kind].from_config(settings).num_parameters()
        if size > LARGEST:
            raise ValueError(f"{size} parameters at its smallest")
        torch.manual_seed(0)
        model = AUTO[kind].from_config(settings).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += (0.12 if parameter.dim() > 1 else 0.05) * torch.randn_like(parameter)
        model(
            input_ids=torch.arange(4, 10).unsqueeze(0)
        )  # where these sizes do not fit together it fails even by itself
    return model


def after_padding(model: PreTrainedModel) -> bool:
    """Whether the model keeps rows of its position table for padding, as fairseq's do."""
    tables = (each for name, each in model.named_modules() if name.endswith("position_embeddings"))
    return any(getattr(table, "padding_idx", None) is not None for table in tables)


def families() -> Iterator[tuple[Kind, str]]:
    """Kind and family of all there are."""
    for kind, names in NAMES.items():
        for family in names:
            yield kind, family
