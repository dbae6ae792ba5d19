"""Replaying a recorded conversation: the same numbers, and no changes left on the model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tam
from tam.errors import InputError, ModelError
from tam.prompt.conversation import Conversation, Turn, question
from tam.replay import Replay
from tam.replay.layers import final_norm
from tam.replay.places import places
from tam.testing import probe_clip, probe_picture
from tests.tiny import BUILDERS
from tests.tiny_models import tiny_llava

# Some of transformers' processors pass a tensor to NumPy in a way that it has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning"),
]

ANSWER = "a dog on a bench"

# Families with different vision towers; the language model reads the tower's last layer or the one
# before it.
TOWERS = (
    "qwen2_vl",
    "qwen2_5_vl",
    "llava",
    "gemma3",
    "idefics3",
    "internvl",
    "molmo2",
    "llava_next",
)


SEVERAL_STREAMS = {"gemma3n": "lists of layers", "qwen4_exp": "norms"}
"""Families whose decoders have several residual streams, with a part of the error message."""


def replayed(model: tam.Model, media: list[tam.Media]) -> Replay:
    return Replay(model.checkpoint, model.run(question(media, "What is here"), answer=ANSWER))


def pictures() -> list[tam.Media]:
    return [probe_picture(60, 90), probe_picture(100, 40, seed=1)]


@pytest.fixture(scope="module")
def qwen(qwen_folder: Path) -> Replay:
    return replayed(tam.load(qwen_folder), [probe_picture(90, 120), probe_clip(4, 60, 90)])


REPRESENTATIVES = {*TOWERS, "qwen3_5", "gemma4", "smolvlm", "phi4_multimodal", "hunyuan_vl"}
"""One family for each way to run; the others are in the complete grid."""
WITH_SINKS = ("inkling2",)
"""Families whose softmax has one more logit, computed from the state, which takes a share."""


# Version 5.24 of transformers cannot run Llama 4 at all: it asks a text output for image_outputs.
@pytest.mark.parametrize(
    "name",
    [
        name if name in REPRESENTATIVES else pytest.param(name, marks=pytest.mark.grid)
        for name in BUILDERS
        if name not in ("llama4", *SEVERAL_STREAMS)
    ],
)
def test_every_family_reads_its_reply_again_as_it_was_recorded(name: str, tmp_path: Path) -> None:
    replay = replayed(tam.load(BUILDERS[name](tmp_path)), pictures())
    trace = replay.trace
    recorded = np.log([step.probability for step in trace.predictions])
    reply = list(range(trace.text.prompt_targets, len(trace.text.tokens)))
    run = replay.run(reply, layers=[0, "input"], gradients=True, attention=True)
    assert run.log_probabilities.tolist() == pytest.approx(recorded, abs=1e-4)
    [gradient, _] = next(run.gradients([run.states[0][0], run.attentions[-1]]))
    assert gradient[0, trace.vision.positions].any()
    length = replay.inputs["input_ids"].shape[1]
    assert run.attentions[0].shape[2:] == (length, length)
    attended = run.attentions[0][0].sum(-1).detach().numpy()
    if name in WITH_SINKS:
        assert ((attended > 0) & (attended < 1)).all()
    else:
        assert attended == pytest.approx(1, abs=1e-4)
    # Other pictures in a batch are read as each would be alone.
    other = [replace(media, frames=255 - media.frames) for media in trace.media]
    batch = replay.log_probabilities([trace.media, other, trace.media], batch=2)
    assert batch[0] == pytest.approx(recorded, abs=1e-4)
    assert batch[2] == pytest.approx(recorded, abs=1e-4)
    assert batch[1] == pytest.approx(replay.log_probabilities([other])[0], abs=1e-4)
    assert np.abs(batch[1] - batch[0]).max() > 1e-6
    final_norm(replay.checkpoint.module, replay.checkpoint.adapter)


@pytest.mark.parametrize(("name", "reason"), SEVERAL_STREAMS.items())
def test_methods_that_read_layers_refuse_a_decoder_of_several_streams(
    name: str, reason: str, tmp_path: Path
) -> None:
    replay = replayed(tam.load(BUILDERS[name](tmp_path)), pictures())
    with pytest.raises(ModelError, match=reason):
        _ = replay.layers, replay.final_norm


@pytest.mark.parametrize("name", TOWERS)
def test_states_of_the_tower_are_found_in_their_cells(name: str, tmp_path: Path) -> None:
    """Changing a state of the tower changes its own cell the most."""
    replay = replayed(tam.load(BUILDERS[name](tmp_path)), pictures())
    layer = "vision.-2" if name in ("llava", "llava_next") else "vision.-1"
    where = places(replay, layer)
    assert set(where.cells) == set(range(where.count))
    module, _ = replay.layer(layer)
    plain = vision_inputs(replay)
    for row, cell in list(zip(where.rows, where.cells, strict=True))[:: len(where.rows) // 5]:
        calls: list[int] = [0]

        def change(_m: Any, _a: Any, output: Any, row: int = row, calls: list[int] = calls) -> Any:
            states = output[0] if isinstance(output, tuple) else output
            flat = states.reshape(-1, states.shape[-1]).clone()
            index = row - calls[0]
            calls[0] += len(flat)
            if 0 <= index < len(flat):
                flat[index] *= -3
            changed = flat.reshape(states.shape)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        handle = module.register_forward_hook(change, prepend=True)
        moved = np.abs(vision_inputs(replay) - plain).max(axis=1)
        handle.remove()
        assert moved.argmax() == cell


def vision_inputs(replay: Replay) -> Any:
    with torch.no_grad():
        [states] = replay.run([], layers=["input"], checked=False).states[0]
    return states[0, replay.trace.vision.positions].numpy()


def test_a_tower_that_mixes_pictures_states_in_a_cell_is_refused(
    qwen: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    merger = qwen.checkpoint.module.model.visual.merger
    plain = merger.forward
    monkeypatch.setattr(merger, "forward", lambda states: plain(states) + plain(states).mean(0))
    monkeypatch.setattr(Replay, "_check_reply", lambda *_: None)
    with pytest.raises(ModelError, match=r"part of several cells; choose a layer of the language"):
        places(qwen, "vision.0")


def test_layers_that_no_token_is_made_of_are_refused(tmp_path: Path) -> None:
    replay = replayed(tam.load(tiny_llava(tmp_path)), pictures())
    with pytest.raises(InputError, match="no vision token depends on this"):
        places(replay, "vision.-1")
    with pytest.raises(InputError, match=r"unknown layer 'vision\.3'; layers are numbered 0"):
        places(replay, "vision.3")


def test_a_tower_is_not_guessed_where_there_are_two(tmp_path: Path) -> None:
    replay = replayed(tam.load(BUILDERS["video_llava"](tmp_path)), pictures())
    with pytest.raises(ModelError, match="are ambiguous"):
        places(replay, "vision.0")


def test_nothing_survives_an_exception(qwen: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    module = qwen.checkpoint.module
    last = qwen.layers[-1]

    def hooks() -> int:
        return sum(
            len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()
        )

    before = hooks()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(last, "forward", broken)
    with pytest.raises(RuntimeError, match="broken"):
        qwen.run([0], layers=[0, "input"], gradients=True, attention=True)
    with pytest.raises(RuntimeError, match="broken"):
        qwen.log_probabilities([qwen.trace.media])
    assert hooks() == before
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert last.self_attn.config._attn_implementation == "sdpa"
    assert torch.is_grad_enabled()


def test_gradients_are_there_where_the_caller_has_switched_them_off(qwen: Replay) -> None:
    last = [len(qwen.trace.text.tokens) - 1]
    with torch.no_grad():
        run = qwen.run(last, layers=[0], gradients=True)
        [[gradient]] = run.gradients(run.states[0])
    assert gradient.any()


def test_a_frozen_parameter_stays_frozen(qwen: Replay) -> None:
    weight = qwen.checkpoint.module.lm_head.weight
    weight.requires_grad_(False)
    try:
        qwen.run([0], layers=[0], gradients=True)
        assert not weight.requires_grad
    finally:
        weight.requires_grad_(True)


def test_a_reply_that_is_read_in_another_way_is_refused(
    qwen: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    norm = qwen.final_norm
    monkeypatch.setattr(norm, "forward", lambda states: states.flip(-1))
    with pytest.raises(ModelError, match="different probabilities than generating it"):
        qwen.run([0])
    qwen.run([0], checked=False)


def test_other_vision_input_takes_the_place_of_the_pictures(qwen: Replay) -> None:
    target = [len(qwen.trace.text.tokens) - 1]
    own = torch.from_numpy(vision_inputs(qwen))
    plain = qwen.run(target).scores
    assert torch.allclose(qwen.run(target, vision_input=own).scores, plain, atol=1e-5)
    assert not torch.allclose(qwen.run(target, vision_input=own * 0).scores, plain, atol=1e-3)


def test_pictures_of_every_turn_are_exchanged_in_their_order(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    first, second = pictures()
    other = replace(second, frames=255 - second.frames)

    def talk(*media: tam.Media) -> Conversation:
        return Conversation(
            (
                Turn("user", (media[0], "What is it?")),
                Turn("assistant", ("a dog",)),
                Turn("user", ("And", media[1], "this?")),
            )
        )

    replay = Replay(model.checkpoint, model.run(talk(first, second), answer=ANSWER))
    changed = model.run(talk(first, other), answer=ANSWER).trace
    expected = np.log([step.probability for step in changed.predictions])
    assert replay.log_probabilities([[first, other]])[0] == pytest.approx(expected, abs=1e-4)


def test_special_tokens_within_a_reply_keep_their_place(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    tokenizer = model.processor.tokenizer
    a, dog = (tokenizer(text)["input_ids"] for text in ("a", " dog"))
    end = tokenizer.eos_token_id
    recording = model.run(question(pictures(), "What?"), answer=[*a, end, *dog, end])
    replay = Replay(model.checkpoint, recording)
    recorded = np.log([step.probability for step in replay.trace.predictions])
    assert replay.log_probabilities([pictures()])[0] == pytest.approx(recorded, abs=1e-4)
    assert len(recorded) == len(a) + len(dog)
