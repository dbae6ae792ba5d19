"""What transformers calls the keys and values that a model keeps, as argument and as output."""

from dataclasses import fields

from transformers.modeling_outputs import CausalLMOutputWithPast

# Version 5.24 renamed it everywhere at once, and warns of the old name.
CACHE = (
    "cache"
    if "cache" in {field.name for field in fields(CausalLMOutputWithPast)}
    else ("past_key_values")
)
"""The name in the version that is installed."""
