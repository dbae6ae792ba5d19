import pytest
import torch

from tam.errors import ModelError
from tam.families.registry import adapter_for
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.testing import probe_clip, probe_layout, probe_picture
from tests.altered import Altered, Change, centre_square, column_major, next_position, shifted
from tests.loaded import Loaded, load
from tests.tiny.square import SIDE, tiny_paligemma

# transformers' own processor passes a tensor to NumPy in a way that it has deprecated.
pytestmark = [
    pytest.mark.model_type("paligemma"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tiny_paligemma, tmp_path_factory.mktemp("paligemma"))


@pytest.mark.parametrize("size", [(100, 150), (301, 203), (64, 1000), (1000, 64), (20, 13)])
def test_every_token_sees_its_cell_and_no_other(loaded: Loaded, size: tuple[int, int]) -> None:
    report = probe_layout(*loaded, [probe_picture(*size)], random_cells=2)
    assert report.passed, report


def test_several_pictures_and_the_same_twice(loaded: Loaded) -> None:
    picture = probe_picture(100, 150)
    report = probe_layout(*loaded, [picture, probe_picture(300, 64), picture], random_cells=0)
    assert report.passed, report


@pytest.mark.parametrize("change", [column_major, centre_square, next_position, shifted(0.1, 0)])
def test_the_probe_finds_what_is_wrong(loaded: Loaded, change: Change) -> None:
    wrong = Altered(adapter_for(loaded[0].config), change)
    assert not probe_layout(*loaded, [probe_picture(200, 300)], adapter=wrong).passed


def test_the_question_stands_behind_the_token_that_the_processor_puts_in(loaded: Loaded) -> None:
    model, processor = loaded
    talk = question([probe_picture(60, 90), probe_picture(60, 90)], "What is it?")
    prompt = encode(processor, talk, adapter_for(model.config))
    assert prompt.tokens[0].position == 2 * SIDE**2 + 1
    assert prompt.ids[2 * SIDE**2] == processor.tokenizer.bos_token_id
    assert "".join(token.text for token in prompt.tokens) == "What is it?"
    assert "labels" not in prompt.inputs


def test_vision_states_depend_on_the_question_as_the_note_says(loaded: Loaded) -> None:
    model, processor = loaded
    adapter = adapter_for(model.config)
    logits = []
    for text in ("What is it?", "What is on"):
        prompt = encode(processor, question([probe_picture(60, 90)], text), adapter)
        with torch.no_grad():
            logits.append(model(**prompt.inputs).logits[0, 0])
    assert not torch.allclose(*logits, atol=1e-3)
    assert any("depend on the text" in note for note in adapter.notes)


def test_prompts_without_a_picture_are_refused(loaded: Loaded) -> None:
    model, processor = loaded
    with pytest.raises(ModelError, match="requires a picture"):
        encode(processor, question([], "What is it?"), adapter_for(model.config))
    with pytest.raises(ModelError, match="takes no clips"):
        probe_layout(*loaded, [probe_clip(2, 60, 90)])
