"""Low-rank adapters: on a loaded model, or as a checkpoint that names its model."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMultimodalLM, AutoProcessor

import tam
from tam.errors import ModelError
from tam.media.media import image_from_array

PICTURE = image_from_array(
    np.random.default_rng(0).integers(0, 255, (90, 60, 3), dtype=np.uint8), "noise"
)
pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


@pytest.fixture(scope="module", params=[["q_proj", "v_proj"], ["q_proj", "lm_head"]])
def tuned(
    request: pytest.FixtureRequest, llava_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[peft.PeftModel, Path]:
    torch.manual_seed(0)
    model = AutoModelForMultimodalLM.from_pretrained(llava_folder)
    config = peft.LoraConfig(r=4, target_modules=request.param, init_lora_weights=False)
    wrapped = peft.get_peft_model(model, config)
    folder = tmp_path_factory.mktemp("tuned")
    wrapped.save_pretrained(folder)
    return wrapped, folder


def explain(model: tam.Model) -> tam.Explanation:
    return model.explain(PICTURE, "What is it?", answer="a dog on a bench")


def test_a_wrapped_model_is_explained_as_the_merged_one(
    tuned: tuple[peft.PeftModel, Path], llava_folder: Path
) -> None:
    processor = AutoProcessor.from_pretrained(llava_folder)
    found = explain(tam.wrap(tuned[0], processor))
    plain = explain(tam.load(llava_folder))
    assert not np.allclose(found.maps, plain.maps, atol=1e-3), "the adapter does something"
    again = peft.PeftModel.from_pretrained(
        AutoModelForMultimodalLM.from_pretrained(llava_folder), tuned[1]
    )
    merged = explain(tam.wrap(again.merge_and_unload(), processor))
    assert np.allclose(found.maps, merged.maps, atol=1e-4)
    assert np.allclose(found.relevance, merged.relevance, atol=1e-4)
    assert [p.probability for p in found.predictions] == pytest.approx(
        [p.probability for p in merged.predictions], rel=1e-3
    )


def test_an_adapter_is_loaded_onto_the_model_that_it_names(
    tuned: tuple[peft.PeftModel, Path], llava_folder: Path
) -> None:
    loaded = tam.load(tuned[1])
    found = explain(loaded)
    wanted = explain(tam.wrap(tuned[0], loaded.processor))
    assert np.allclose(found.maps, wanted.maps, atol=1e-5)
    assert loaded.provenance["model"] == tuned[1].name
    assert loaded.provenance["adapter_of"] == llava_folder.name


def test_a_loaded_model_is_wrapped(llava_folder: Path) -> None:
    module = AutoModelForMultimodalLM.from_pretrained(llava_folder).train()
    model = tam.wrap(module, AutoProcessor.from_pretrained(llava_folder))
    assert not module.training
    assert np.array_equal(explain(model).maps, explain(tam.load(llava_folder)).maps)
    assert model.provenance["family"] == "LLaVA-1.5"
    assert model.provenance["model"] == llava_folder.name


@pytest.mark.promise(
    "models", "a LoRA adapter that names no base model", "refused with a one-line error"
)
@pytest.mark.parametrize(
    ("config", "complaint"),
    [("{}", "does not name a model"), ("[", "is not JSON"), ("[]", "is not a JSON object")],
)
def test_an_adapter_that_names_no_model_is_refused(
    tmp_path: Path, config: str, complaint: str
) -> None:
    (tmp_path / "adapter_config.json").write_text(config)
    with pytest.raises(ModelError, match=complaint):
        tam.load(tmp_path)


@pytest.mark.promise("models", "a pickled LoRA adapter", "refused")
def test_a_pickled_adapter_is_refused(tmp_path: Path, llava_folder: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(llava_folder)})
    )
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="pickled weights are not read"):
        tam.load(tmp_path)


def test_the_magnitudes_of_dora_are_loaded(llava_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    processor = AutoProcessor.from_pretrained(llava_folder)
    config = peft.LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], use_dora=True, init_lora_weights=False
    )
    trained = peft.get_peft_model(AutoModelForMultimodalLM.from_pretrained(llava_folder), config)
    with torch.no_grad():
        for name, parameter in trained.named_parameters():
            if "magnitude" in name:
                parameter.mul_(1 + 0.5 * torch.rand_like(parameter))
    trained.save_pretrained(tmp_path)
    wanted = explain(tam.wrap(trained, processor))
    found = explain(tam.load(tmp_path))
    assert np.allclose(found.maps, wanted.maps, atol=1e-5)
    base = AutoModelForMultimodalLM.from_pretrained(llava_folder)
    again = explain(tam.wrap(peft.PeftModel.from_pretrained(base, tmp_path), processor))
    assert np.allclose(found.maps, again.maps, atol=1e-5)


@pytest.mark.parametrize("said", ["are missing", "no place in the model", "size mismatch"])
def test_an_adapter_that_does_not_fit_is_refused(
    tuned: tuple[peft.PeftModel, Path], tmp_path: Path, said: str
) -> None:
    folder = Path(shutil.copytree(tuned[1], tmp_path / "adapter"))
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    key = next(name for name in sorted(tensors) if "lora_A" in name)
    if said == "are missing":
        del tensors[key]
    elif said == "size mismatch":
        tensors[key] = tensors[key][:-1].clone()
    else:
        tensors[key.replace("lora_A", "lora_magnitude_vector")] = torch.ones(3)
    save_file(tensors, path)
    with pytest.raises(ModelError, match=said) as caught:
        tam.load(folder)
    assert "lora" in str(caught.value)
    assert "\n" not in str(caught.value)


LAYERS = {"target_modules": ["q_proj", "v_proj"]}
KINDS = {
    "biases": peft.LoraConfig(**LAYERS, bias="all"),
    "AdaLoRA": peft.AdaLoraConfig(**LAYERS, init_r=4, total_step=9),
    "VeRA": peft.VeraConfig(**LAYERS, r=4),
    "IA3": peft.IA3Config(target_modules=["k_proj", "v_proj"], feedforward_modules=[]),
    "LoHa": peft.LoHaConfig(**LAYERS, r=4),
    "OFT": peft.OFTConfig(**LAYERS, r=4, oft_block_size=0),
}


@pytest.mark.promise(
    "models", "adapters of other kinds than LoRA", "loaded whole, or refused with what is missing"
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_adapter_is_loaded_whole(
    kind: str, qwen_folder: Path, tmp_path: Path
) -> None:
    config = copy.deepcopy(KINDS[kind])
    config.base_model_name_or_path = str(qwen_folder)
    trained = peft.get_peft_model(AutoModelForMultimodalLM.from_pretrained(qwen_folder), config)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    trained.save_pretrained(tmp_path)
    wanted = dict(trained.get_base_model().named_parameters())
    found = dict(tam.load(tmp_path).module.named_parameters())
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)

    path = tmp_path / "adapter_model.safetensors"
    tensors = load_file(path)
    for key in (min(tensors), max(tensors)):
        save_file({name: each for name, each in tensors.items() if name != key}, path)
        with pytest.raises(ModelError, match="are missing") as caught:
            tam.load(tmp_path)
        assert key in str(caught.value)
