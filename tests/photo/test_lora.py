from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import LlavaConfig

from tam.errors import InputError
from tam.photo.adapter import open_adapter, save_adapter, with_adapter
from tam.photo.training.checkpoint import resume, save_checkpoint
from tam.photo.training.lora import add_lora, load_lora, lora_pairs, lora_weights
from tam.photo.training.mean import mean
from tam.photo.training.result import load_projector, save_projector, write_model
from tam.photo.training.run import TrainingSettings, _language, train, trained_weights
from tam.photo.training.speaking import Progress, speak
from tam.photo.training.start import Projector
from tests.photo.test_training import HIDDEN, SETTINGS, WIDTH, begun, language, letters, material

RANK = 3


def test_an_untrained_adapter_changes_nothing_and_is_all_that_is_not_frozen() -> None:
    model = language()
    ids = torch.arange(20)[None]
    before = model(ids).logits
    add_lora(model, RANK, 0)
    assert torch.equal(model(ids).logits, before)
    free = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert free == set(lora_weights(model))
    # Two matrices for each of seven linear layers in two blocks; none on the output layer.
    assert len(free) == 2 * 7 * 2
    assert {min(weights.shape) for weights in lora_weights(model).values()} == {RANK}


def test_the_merged_weights_answer_as_the_adapter_does() -> None:
    model, plain = language(), language()
    add_lora(model, RANK, 0)
    generator = torch.Generator().manual_seed(1)
    for weights in lora_weights(model).values():
        weights.data = torch.randn(weights.shape, generator=generator)
    whole = plain.state_dict()
    changed = with_adapter(whole, lora_pairs(model))
    first = "model.layers.0.self_attn.q_proj"
    a, b = (lora_weights(model)[f"{first}.lora_{part}.default.weight"] for part in "AB")
    expected = whole[f"{first}.weight"] + 2 * b @ a
    assert torch.allclose(changed[f"{first}.weight"], expected, atol=1e-5)
    plain.load_state_dict(changed)
    ids = torch.arange(20)[None]
    assert torch.allclose(plain(ids).logits, model(ids).logits, atol=1e-3)


def test_the_stored_adapter_gives_the_merged_weights(tmp_path: Path) -> None:
    model = language()
    add_lora(model, 2, seed=0)
    generator = torch.Generator().manual_seed(0)
    for weights in lora_weights(model).values():
        weights.data.normal_(std=0.1, generator=generator)
        weights.data = weights.data.half().float()  # as they are stored
    save_adapter(lora_pairs(model), tmp_path / "adapter.safetensors")
    published = language().state_dict()
    found = with_adapter(published, open_adapter(tmp_path / "adapter.safetensors"))
    assert set(found) == set(published)
    layers = {
        f"{name}.weight": layer.base_layer.weight + layer.get_delta_weight("default")
        for name, layer in model.named_modules()
        if hasattr(layer, "get_delta_weight")
    }
    assert len(layers) == 2 * 7
    for name, weights in found.items():
        assert torch.allclose(weights, layers.get(name, published[name]), atol=1e-6), name
        assert (weights is published[name]) == (name not in layers)


def test_a_stored_adapter_is_trained_further(tmp_path: Path) -> None:
    model, again, narrow = language(), language(), language()
    for one, rank in ((model, RANK), (again, RANK), (narrow, RANK - 1)):
        add_lora(one, rank, seed=1)
    for weights in lora_weights(model).values():
        weights.data.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
        weights.data = weights.data.half().float()  # as they are stored
    path = tmp_path / "adapter.safetensors"
    save_adapter(lora_pairs(model), path)
    load_lora(again, path)
    ids = torch.arange(20)[None]
    assert torch.equal(again(ids).logits, model(ids).logits)
    assert all(weights.requires_grad for weights in lora_weights(again).values())
    for other in (narrow, language()):
        before = {name: weights.clone() for name, weights in other.state_dict().items()}
        with pytest.raises(InputError, match="of another rank"):
            load_lora(other, path)
        assert all(torch.equal(other.state_dict()[name], w) for name, w in before.items())


def test_an_adapter_without_its_rank_is_refused(tmp_path: Path) -> None:
    settings = TrainingSettings(start_adapter="adapter.safetensors")
    with pytest.raises(InputError, match="needs its rank"):
        train(tmp_path, tmp_path, tmp_path / "out", settings, print)
    assert not (tmp_path / "out").exists()


def test_projector_and_adapter_are_trained_together_and_resumed(tmp_path: Path) -> None:
    def fresh() -> tuple[Projector, nn.Module, dict[str, nn.Parameter], Progress]:
        projector, _ = begun()
        model = language()
        add_lora(model, RANK, 0)
        trained = dict(projector.named_parameters()) | lora_weights(model)
        return projector, model, trained, Progress(0, torch.optim.Adam(trained.values(), 1e-2))

    projector, model, trained, progress = fresh()
    initial = {name: weights.detach().clone() for name, weights in trained.items()}
    path = tmp_path / "checkpoint.safetensors"

    def after(step: int, _loss: float) -> None:
        if step == 3:
            save_checkpoint(path, trained, progress)

    speak(projector, model, letters, material(), SETTINGS, progress, after)
    assert not any(torch.equal(trained[name], initial[name]) for name in trained)
    projector, model, again, progress = fresh()
    resume(path, again, progress)
    assert progress.step == 3
    speak(projector, model, letters, material(), SETTINGS, progress, lambda *_: None)
    for name, weights in trained.items():
        assert torch.equal(weights, again[name]), name


@pytest.mark.parametrize("rank", [None, RANK])
def test_a_trained_model_is_the_given_one_with_new_weights(
    tmp_path: Path, rank: int | None
) -> None:
    given, target = tmp_path / "given", tmp_path / "model"
    given.mkdir()
    (given / "config.json").write_text("{}", encoding="utf-8")
    text = {name: w for name, w in language().state_dict().items() if name != "lm_head.weight"}
    stored = {f"model.language_{name}": w.half().clone() for name, w in text.items()}
    old = {
        f"model.multi_modal_projector.{n}": w
        for n, w in Projector(WIDTH, HIDDEN).named_parameters()
    }
    save_file(stored | {n: w.detach().half() for n, w in old.items()}, given / "model.safetensors")
    projector, model = Projector(WIDTH, HIDDEN), language()
    if rank is not None:
        add_lora(model, rank, 0)
        for weights in lora_weights(model).values():
            nn.init.normal_(weights)
    write_model(given, target, projector.state_dict(), lora_pairs(model))
    assert (target / "config.json").read_text(encoding="utf-8") == "{}"
    written = load_file(target / "model.safetensors")
    before = load_file(given / "model.safetensors")
    assert set(written) == set(before)
    assert all(w.dtype == torch.float16 for w in written.values())
    changed = {name for name in written if not torch.equal(written[name], before[name])}
    layers = {name for name in stored if "_proj." in name} if rank is not None else set()
    assert changed == set(old) | layers


@pytest.mark.parametrize(("bfloat16", "expected"), [(False, torch.float32), (True, torch.bfloat16)])
def test_the_language_model_computes_in_bfloat16_if_wanted(
    tmp_path: Path, bfloat16: bool, expected: torch.dtype
) -> None:
    config = LlavaConfig(text_config=language().config)
    config.save_pretrained(tmp_path)
    text = {name: w for name, w in language().state_dict().items() if name != "lm_head.weight"}
    stored = {f"model.language_{name}": w.half().clone() for name, w in text.items()}
    save_file(stored, tmp_path / "model.safetensors")
    opened = _language(tmp_path, torch.device("cpu"), bfloat16=bfloat16)
    assert {weights.dtype for weights in opened.parameters()} == {expected}
    assert not any(weights.requires_grad for weights in opened.parameters())


def test_the_mean_of_two_trainings_lies_between_them(tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_file({"a": torch.tensor([0.0, 2.0])}, first)
    save_file({"a": torch.tensor([4.0, 2.0])}, second)
    assert mean(first, second, 0.75)["a"].tolist() == [3.0, 2.0]
    assert mean(first, second, 0)["a"].tolist() == [0.0, 2.0]
    save_file({"b": torch.tensor([4.0, 2.0])}, second)
    with pytest.raises(InputError, match="holds other tensors"):
        mean(first, second, 0.5)
    with pytest.raises(InputError, match=r"absent\.safetensors"):
        mean(first, tmp_path / "absent.safetensors", 0.5)


def test_a_projector_is_read_as_it_was_written(tmp_path: Path) -> None:
    first, second = Projector(WIDTH, HIDDEN), Projector(WIDTH, HIDDEN)
    save_projector(first, tmp_path / "projector.safetensors")
    load_projector(second, tmp_path / "projector.safetensors")
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a.half().float(), b)


def test_the_first_layer_can_be_kept_as_it_is() -> None:
    projector, _ = begun()
    model = language()
    add_lora(model, RANK, 0)
    stored = {f"projector.{name}": weights for name, weights in projector.named_parameters()}
    stored |= lora_weights(model)
    assert trained_weights(stored, keep_evidence=False) == list(stored.values())
    initial = {name: weights.detach().clone() for name, weights in stored.items()}
    optimizer = torch.optim.Adam(trained_weights(stored, keep_evidence=True), 1e-2)
    speak(projector, model, letters, material(), SETTINGS, Progress(0, optimizer), lambda *_: None)
    kept = {name for name, weights in stored.items() if torch.equal(weights, initial[name])}
    assert kept == {"projector.linear_1.weight", "projector.linear_1.bias"}
