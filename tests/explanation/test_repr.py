"""The reprs of the central types are short and informative."""

import torch
from accelerate import cpu_offload

import tam
from tam.geometry.layout import TextLayout, VisionLayout
from tam.prompt.conversation import Conversation, Turn, question
from tests.hand_made import clip, explanation, grid, picture


def test_a_model_says_what_was_loaded_and_where_it_runs(qwen_folder: object) -> None:
    model = tam.load(qwen_folder, device_map="cpu")
    said = repr(model)
    assert said.startswith("<Model 'qwen")
    assert "Qwen2-VL" in said
    assert f"{model.module.num_parameters() / 1e6:.1f} M parameters" in said
    assert "float32 on cpu" in said
    assert "\n" not in said
    cpu_offload(model.module, execution_device=torch.device("cpu"))
    assert "float32 offloaded>" in repr(model)


def test_a_recording_and_its_parts_fit_on_a_few_lines(qwen_folder: object) -> None:
    model = tam.load(qwen_folder)
    recording = model.run(question([picture()], "What is it?"), answer="a dog")
    parts = (
        *(recording, recording.trace, recording.run, recording.run.prefix_cache),
        *(recording.prepared, recording.prepared.prompt, recording.prepared.request),
        *(recording.trace.vision, recording.trace.text),
    )
    for part in parts:
        assert len(repr(part)) < 1000, part
        assert "array(" not in repr(part)
        assert "tensor(" not in repr(part)
    assert "What is it?a dog" in repr(recording.trace)
    assert f"{len(recording.trace.vision.positions)} cells" in repr(recording.trace)


def test_media_and_what_holds_them_are_short() -> None:
    assert repr(picture()) == "<Media 'dog.png': image, 64 × 48 pixels>"
    assert repr(clip()) == "<Media 'walk.mp4': video, 56 × 40 pixels, 4 frames to 1.50 s>"
    turn = Turn("user", (picture(), "What is it?"))
    assert repr(turn) == f"<Turn of user: {picture()!r}, 'What is it?'>"
    assert repr(Conversation((turn,))) == f"<Conversation [{turn!r}]>"


def test_layouts_are_short() -> None:
    cells = grid(0, (1, 2, 3), (0, 0, 60, 40))
    assert repr(cells) == "<VisionGrid 1 × 2 × 3: whole of media 0, box (0, 0, 60, 40)>"
    result = explanation()
    assert "array(" not in repr(VisionLayout(result.grids, cells.positions[:0] + 999))
    text = TextLayout(result.tokens, result.prompt_targets)
    assert repr(text).startswith(f"<TextLayout of {len(result.tokens)} tokens, 4 in prompt: 'What")
    assert repr(result) == "<Explanation of 7 words: 'A grey greyhound on a bench.'>"
