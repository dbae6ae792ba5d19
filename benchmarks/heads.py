"""Measure how quantisation by each library changes a model's maps, compared with float32.

``make heads`` runs ``python -m benchmarks.heads --out docs/heads.md`` in a separate environment,
because four of the libraries are not dependencies. The language model and the LM head of the small
model are quantised, and the same given reply is explained each time.
"""

import argparse
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import tam
from tam.errors import ended_in_one_line
from tam.files.writing import rewriting_file
from tam.recording.lm_head import LMHead

PICTURE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
ANSWER = "A small red circle and a large blue star."

_PAGE = """# Quantised models and heads

If the weight of an LM head is a plain tensor, only the rows of the explained words are read. Any
other head (packed integers, float8, a shard, an adapter around it) is run as a whole, and only the
outputs for these words are kept; the states still come from the quantised model. An explanation's
provenance names the quantisation, also for a model that was quantised in code.

`make heads` measured this table ({versions}): the small model's language model and LM head are
quantised, 9 words of a given reply are explained on a picture of noise, and all maps are compared
with those of float32. Correlation is Pearson's over all cells of all maps. A test checks that heads
with a low-rank adapter (LoRA, `modules_to_save`) give the maps of the merged weights to 1e-4.

| quantised by | correlation with float32 | largest difference | recorded in the provenance |
| --- | --- | --- | --- |
{rows}
"""


def linear_layers(model: Any) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Return the linear layers of language model and head: parent, name in the parent, layer."""
    found = []
    for path, module in model.named_modules():
        for name, child in module.named_children():
            full = f"{path}.{name}".lstrip(".")
            wanted = full == "lm_head" or full.startswith("model.language_model.")
            if wanted and isinstance(child, nn.Linear):
                found.append((module, name, child))
    return found


def by_torchao(config: str) -> Callable[[Any], None]:
    """Quantise with a configuration of torchao, given by its class name."""

    def quantise(model: Any) -> None:
        from torchao import quantization

        layers = {id(layer) for _, _, layer in linear_layers(model)}
        options = getattr(quantization, config)()
        quantization.quantize_(model, options, filter_fn=lambda part, _: id(part) in layers)

    return quantise


def by_quanto(model: Any) -> None:
    """Quantise to 8 bits with quanto."""
    from optimum.quanto import freeze, qint8, quantize

    for parent, name, _ in linear_layers(model):
        quantize(parent, weights=qint8, include=name)
    freeze(model)


def by_hqq(model: Any) -> None:
    """Quantise to 8 bits with HQQ."""
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

    options = BaseQuantizeConfig(nbits=8, group_size=32)
    for parent, name, layer in linear_layers(model):
        packed = HQQLinear(layer, options, compute_dtype=torch.float32, device="cpu")
        setattr(parent, name, packed)


def by_compressed_tensors(form: str) -> Callable[[Any], None]:
    """Quantise to 8 bits with compressed-tensors, in one of its formats."""

    def quantise(model: Any) -> None:
        from compressed_tensors.compressors import ModelCompressor
        from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config

        weights = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}
        targets = ["re:.*language_model.*proj", "re:.*lm_head"]
        group = {"targets": targets, "weights": weights}
        config = QuantizationConfig(config_groups={"group_0": group}, format=form)
        apply_quantization_config(model, config)
        for _, _, layer in linear_layers(model):
            scale = layer.weight.detach().abs().amax(1, keepdim=True) / 127
            layer.weight_scale.data = scale.to(layer.weight_scale.dtype)
        ModelCompressor(quantization_config=config).compress_model(model)

    return quantise


def by_torch(model: Any) -> None:
    """Quantise to 8 bits with torch's own dynamic quantisation."""
    from torch.ao.quantization import quantize_dynamic

    quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8, inplace=True)


WAYS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "torch dynamic int8": ("torch", by_torch),
    "torchao int8, weights only": ("torchao", by_torchao("Int8WeightOnlyConfig")),
    "torchao int8, dynamic": ("torchao", by_torchao("Int8DynamicActivationInt8WeightConfig")),
    "torchao float8, weights only": ("torchao", by_torchao("Float8WeightOnlyConfig")),
    "quanto int8": ("optimum-quanto", by_quanto),
    "HQQ 8 bits": ("hqq", by_hqq),
    "compressed-tensors int8": ("compressed-tensors", by_compressed_tensors("int-quantized")),
    "compressed-tensors int8, packed": (
        "compressed-tensors",
        by_compressed_tensors("pack-quantized"),
    ),
}


def explained(model: tam.Model) -> tam.Explanation:
    """Explain the reply on which all libraries are compared."""
    return model.explain(PICTURE, "Describe this image.", answer=ANSWER)


def measured(quantise: Callable[[Any], None], exact: tam.Explanation) -> tuple[float, float, str]:
    """Return the correlation with float32, the largest difference, and the provenance's entry."""
    model = tam.load("small")
    quantise(model.module)
    packed = tam.wrap(model.module, model.processor)
    head = LMHead(packed.checkpoint.lm_head, packed.module)
    if head.reads_rows(torch.ones(1, 160)):
        raise RuntimeError("the head is still a plain one")
    found = explained(packed)
    correlation = float(np.corrcoef(found.maps.ravel(), exact.maps.ravel())[0, 1])
    difference = float(np.abs(found.maps - exact.maps).max())
    return correlation, difference, str(found.provenance["quantisation"])


def main() -> None:
    """Measure all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/heads.md"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    exact, rows = explained(tam.load("small")), []
    eight = explained(tam.load("small", load_in="8bit"))
    correlation = np.corrcoef(eight.maps.ravel(), exact.maps.ravel())[0, 1]
    difference = np.abs(eight.maps - exact.maps).max()
    kept = "bitsandbytes 8 bits (keeps the head)"
    rows.append(f"| {kept} | {correlation:.4f} | {difference:.3f} | 8bit |")
    for name, (_, quantise) in WAYS.items():
        correlation, difference, told = measured(quantise, exact)
        rows.append(f"| {name} | {correlation:.4f} | {difference:.3f} | {told} |")
        print(rows[-1], flush=True)
    libraries = dict.fromkeys(["bitsandbytes", *(library for library, _ in WAYS.values())])
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    with rewriting_file(options.out) as temporary:
        page = _PAGE.format(versions=versions, rows="\n".join(rows))
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    with ended_in_one_line():
        main()
