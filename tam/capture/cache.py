"""The name of the key-value cache among a model's arguments and outputs."""

from dataclasses import fields

from transformers.modeling_outputs import CausalLMOutputWithPast

# transformers 5.24 renamed it everywhere and warns about the old name.
CACHE = (
    "cache"
    if "cache" in {field.name for field in fields(CausalLMOutputWithPast)}
    else ("past_key_values")
)
"""The name in the installed version of transformers."""
