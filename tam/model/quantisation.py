"""A description of how a model's weights are quantised."""

from typing import Any

from torch import nn

# Module prefixes of the layer and weight classes that identify each library.
_LIBRARIES = {
    "torchao": "torchao",
    "optimum.quanto": "quanto",
    "hqq": "hqq",
    "bitsandbytes": "bitsandbytes",
    "compressed_tensors": "compressed-tensors",
    "torch.ao.nn.quantized.dynamic": "torch dynamic quantisation",
}


def quantisation_of(module: nn.Module) -> str | None:
    """Describe how a model is quantised, by its configuration or in code after loading.

    Returns
    -------
    The library and its layer or weight types, such as ``"bitsandbytes Linear8bitLt"`` or
    ``"torchao Int8Tensor"``; the configured method if no such layer is found; None for a model
    with plain weights.
    """
    found = {_kind(thing) for part in module.modules() for thing in _signs(part)} - {""}
    if found:
        return ", ".join(sorted(found))
    configured = getattr(getattr(module, "config", None), "quantization_config", None)
    return None if configured is None else str(getattr(configured, "quant_method", configured))


def _signs(part: nn.Module) -> list[Any]:
    """Return the objects whose classes identify a library: the layer, its weights, its scheme."""
    weights = [value for value in part._parameters.values() if value is not None]
    return [part, *weights, getattr(part, "quantization_scheme", None)]


def _kind(thing: Any) -> str:
    kind = type(thing)
    for beginning, library in _LIBRARIES.items():
        if f"{kind.__module__}.".startswith(f"{beginning}."):
            return f"{library} {kind.__name__}"
    return ""
