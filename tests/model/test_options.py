"""Every option through every door: it works, or it is refused by its own name."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_type_hints

import numpy as np
import pytest

import tam
from tam.errors import ConversationError, InputError, NumericsError, TamError
from tam.media.media import image_from_array
from tam.methods import Tam, Use
from tam.methods.grad_cam import grad_cam
from tam.model.options import DEFAULTS, Opening, Options
from tam.model.streaming import MapStreamer
from tam.prompt.conversation import question

PIXELS = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
PICTURE = image_from_array(PIXELS, "noise")
PROMPT = "Describe this image."
SHORT: dict[str, Any] = {"max_new_tokens": 4}

Door = Callable[..., tam.Explanation]


@pytest.fixture(scope="module")
def model(llava_folder: Any) -> tam.Model:
    """A model whose template reads a variable, as those of models that think do."""
    loaded = tam.load(llava_folder)
    template = loaded.processor.chat_template
    loaded.processor.chat_template = template + "{% if enable_thinking %}think{% endif %}"
    return loaded


def explain(model: tam.Model, **options: Any) -> tam.Explanation:
    return model.explain(PICTURE, PROMPT, **options)


def converse(model: tam.Model, **options: Any) -> tam.Explanation:
    return model.explain_conversation(question([PICTURE], PROMPT), **options)


def batch(model: tam.Model, **options: Any) -> tam.Explanation:
    [found] = model.explain_batch([(PICTURE, PROMPT)], **options)
    assert isinstance(found, tam.Explanation)
    return found


def stream(model: tam.Model, **options: Any) -> tam.Explanation:
    words = model.stream(PICTURE, PROMPT, **options)
    assert [word.text for word in words] == [word.text for word in words.explanation.words]
    return words.explanation


def chat(model: tam.Model, **options: Any) -> tam.Explanation:
    return model.chat().say(PROMPT, PICTURE, **options)


DOORS: dict[str, Door] = {
    "explain": explain,
    "explain_conversation": converse,
    "explain_batch": batch,
    "stream": stream,
    "chat.say": chat,
}


def seen(result: tam.Explanation, name: str) -> Any:
    """What an option has left in a result."""
    told = result.provenance
    return {
        "answer": told["answer"],
        "max_new_tokens": told["generation"].get("max_new_tokens"),
        "seed": told.get("seed"),
        "candidate_maps": None if result.candidate_maps is None else result.candidate_maps.shape[1],
        "template_variables": told.get("template_variables"),
        "enable_thinking": told.get("template_variables"),
        "method": told["method"]["name"],
        "method_options": told["method"].get("kernel_size"),
        "kernel_size": told["method"].get("kernel_size"),
        "stages": result.stages is not None,
        "refine": told["method"].get("refinements"),
        "relevance": told.get("relevance", {}).get("name"),
        "temperature": told["generation"].get("temperature"),
    }.get(name)


MATRIX: dict[str, tuple[Any, Any]] = {
    "answer": ("a dog", "given"),
    "max_new_tokens": (3, "3"),
    "seed": (1, 1),
    "candidate_maps": (2, 2),
    "template_variables": ({"enable_thinking": True}, {"enable_thinking": True}),
    "enable_thinking": (True, {"enable_thinking": True}),
    "method": ("random", "random"),
    "method_options": ({"kernel_size": 5}, 5),
    "kernel_size": (5, 5),
    "stages": (True, True),
    "refine": ("color-affinity", ["color-affinity"]),
    "relevance": ("attention", "attention"),
    "sampling": (tam.Sampling(fps=1), None),
    "decoder": ("opencv", None),
    "cut": (tam.Cut(slices=(0, 1)), None),
    "allow_urls": (True, None),
    "temperature": (0.5, "0.5"),
}


def test_the_matrix_has_every_option() -> None:
    assert set(DEFAULTS) == set(get_type_hints(Options)) & set(DEFAULTS)
    assert set(DEFAULTS) <= set(MATRIX)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", MATRIX)
def test_every_option_works_through_every_door(model: tam.Model, name: str, door: str) -> None:
    value, wanted = MATRIX[name]
    options = {**SHORT, **({"do_sample": True} if name == "temperature" else {}), name: value}
    if door == "explain_conversation" and name in Opening.__annotations__:
        with pytest.raises(InputError, match=f"{name}: the media of a conversation are opened"):
            DOORS[door](model, **options)
        return
    assert seen(DOORS[door](model, **options), name) == wanted


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_sise": 5}, "options: unknown option 'kernel_sise'; did you mean 'kernel_s"),
        ({"max_token": 5}, "unknown option 'max_token'; did you mean 'max_"),
        ({"enable_thinkin": 1}, "unknown option 'enable_thinkin'; did you mean 'enable_thinking'"),
        ({"xyzzy": 5}, "unknown option 'xyzzy'; use "),
        (
            {"template_variables": {"thinking": 1}},
            "chat template does not read 'thinking'; did",
        ),
        ({"method": "random", "kernel_size": 9}, "method random: unknown option 'kernel_size'"),
        ({"method": "random", "stages": True}, "method random: unknown option 'stages'"),
        ({"method": "random", "candidate_maps": 2}, "method random: has no candidate maps"),
        ({"kernel_size": 5, "method_options": {"kernel_size": 3}}, "kernel_size is given twice"),
        ({"method": Tam(kernel_size=5), "kernel_size": 3}, "already carries its options"),
        ({"method": Use("grad-cam", {"depth": 1})}, "grad-cam: unknown option 'depth'"),
        ({"method": "relevanzy"}, "unknown method 'relevanzy'; did you mean 'relevancy'"),
        ({"method": 5}, "5 is not a method"),
        ({"method": lambda trace: None}, "cannot be called with"),
        ({"candidate_maps": 9}, "maps of 9 candidates were requested"),
    ],
)
def test_what_is_not_known_is_refused_by_name_before_the_model_runs(
    model: tam.Model, options: dict[str, Any], message: str, door: str
) -> None:
    def write(*_: object, **__: object) -> None:
        raise AssertionError("the model ran")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.module, "generate", write)
        with pytest.raises(TamError) as raised:
            DOORS[door](model, **options)
    assert message in str(raised.value)


def test_template_variables_reach_the_template(model: tam.Model) -> None:
    plain, thinking = (model.explain(PICTURE, PROMPT, enable_thinking=on, **SHORT) for on in (0, 1))
    first = [result.tokens[result.prompt_targets].position for result in (plain, thinking)]
    assert first[1] > first[0]
    talk = question([PICTURE], PROMPT)
    streamer = MapStreamer(model, talk, print, template_variables={"enable_thinking": True})
    assert streamer.inputs["input_ids"].shape[1] == first[1]
    with pytest.raises(InputError, match="no variable 'thinking'"):
        MapStreamer(model, talk, print, template_variables={"thinking": True})


def mine(trace: Any, replay: Any, targets: Sequence[int], *, height: float = 0.5) -> Any:
    maps = np.zeros((len(targets), len(trace.vision.positions)), np.float32)
    maps[:, 0] = height
    return maps


class Ranked:
    """A method that is an object."""

    def __call__(self, trace: Any, replay: Any, targets: Sequence[int]) -> Any:
        return np.tile(np.arange(len(trace.vision.positions), dtype=np.float32), (len(targets), 1))


@pytest.mark.parametrize("door", DOORS)
def test_a_function_is_a_method(model: tam.Model, door: str) -> None:
    result = DOORS[door](model, method=partial(mine, height=0.25), **SHORT)
    assert result.provenance["method"] == {
        "name": "mine",
        "module": __name__,
        "height": 0.25,
        "scaled": False,
    }
    reply = result.maps[result.prompt_targets :]
    assert (reply[:, 0] == 0.25).all()
    assert not reply[:, 1:].any()


def test_other_scales_are_brought_to_one_and_said(model: tam.Model) -> None:
    result = model.explain(PICTURE, PROMPT, method=Ranked(), answer="a dog")
    row = result.maps[-1]
    assert (row[0], row[-1]) == (0, 1)
    assert result.provenance["method"]["name"] == "Ranked"
    assert result.provenance["method"]["scaled"] is True


def test_options_of_a_function_are_known_by_name(model: tam.Model) -> None:
    given = {"method": mine, "method_options": {"height": 1.0}, "answer": "a dog"}
    assert np.nanmax(model.explain(PICTURE, PROMPT, **given).maps) == 1
    with pytest.raises(InputError, match="method mine: unknown option 'heigth'; did you mean"):
        model.explain(PICTURE, PROMPT, method=mine, method_options={"heigth": 1}, answer="a dog")


def test_a_function_of_the_toolkit_keeps_its_name(model: tam.Model) -> None:
    result = model.explain(PICTURE, PROMPT, method=partial(grad_cam, layer=0), answer="a dog")
    assert result.provenance["method"] == {"name": "grad-cam", "layer": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda maps: maps.astype(np.float64), "returned float64"),
        (lambda maps: maps[:, 1:], "return float32"),
        (lambda maps: maps + np.float32(np.nan), "NaN or infinite"),
        (lambda maps: maps.tolist(), "returned list"),
        (lambda maps: (maps, maps), "as its relevance"),
        (lambda maps: (maps * 3, np.zeros((len(maps), 99), np.float32)), "relevance"),
    ],
)
def test_what_cannot_be_a_map_is_refused(
    model: tam.Model, change: Callable[[Any], Any], message: str
) -> None:
    def wrong(trace: Any, replay: Any, targets: Any) -> Any:
        return change(mine(trace, replay, targets))

    with pytest.raises(NumericsError, match=message):
        model.explain(PICTURE, PROMPT, method=wrong, answer="a dog")


def test_relevance_is_taken_beside_maps(model: tam.Model) -> None:
    def related(trace: Any, replay: Any, targets: Any) -> Any:
        return mine(trace, replay, targets), np.full(
            (len(targets), len(trace.text.tokens)), 0.5, np.float32
        )

    result = model.explain(PICTURE, PROMPT, method=related, answer="a dog")
    assert result.words[1].relevance(result.words[0]) == 0.5


QUESTIONS: list[Any] = [(PIXELS, PROMPT), (PIXELS[:40], "What is in the picture?"), (PIXELS, "Hm?")]


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 3, "do_sample": True, "temperature": 2.0},
        {"seed": 3, "candidate_maps": 2},
        {"method": "random", "enable_thinking": True},
    ],
)
def test_a_batch_is_its_questions_alone(model: tam.Model, options: dict[str, Any]) -> None:
    for (media, prompt), found in zip(
        QUESTIONS, model.explain_batch(QUESTIONS, **SHORT, **options), strict=True
    ):
        alone = model.explain(media, prompt, **SHORT, **options)
        assert isinstance(found, tam.Explanation)
        assert found.text == alone.text
        assert np.allclose(found.maps, alone.maps, atol=1e-5, equal_nan=True)
        assert found.provenance == alone.provenance
        if alone.candidate_maps is not None:
            assert np.allclose(found.candidate_maps, alone.candidate_maps, atol=1e-5)


def test_answers_are_one_for_all_or_one_for_each(model: tam.Model) -> None:
    def texts(answer: Any, questions: Any = QUESTIONS) -> list[str]:
        found = model.explain_batch(questions, answer=answer, keep_going=True, **SHORT)
        return [item.text for item in found if isinstance(item, tam.Explanation)]

    ids = model.processor.tokenizer("a dog", add_special_tokens=False)["input_ids"]
    assert texts("a dog") == texts(ids) == ["a dog"] * 3
    written = model.explain(*QUESTIONS[1], **SHORT).text
    assert texts(["a dog", None, ids]) == ["a dog", written, "a dog"]
    with pytest.raises(InputError, match="not as many answers as questions"):
        texts(["a dog"])
    for answers in (["a dog"], ["a dog"] * 4):
        with pytest.raises(InputError, match="not as many answers as questions"):
            texts(answers, iter(QUESTIONS))
    with pytest.raises(ConversationError, match="no tokens"):
        list(model.explain_batch(QUESTIONS, answer=["a dog", "", "a dog"]))


def test_a_method_that_needs_the_whole_reply_streams_words_first(model: tam.Model) -> None:
    steps = {"max_new_tokens": 12, "min_new_tokens": 12}
    words = model.stream(PICTURE, PROMPT, method="attention", **steps)
    first = next(words)
    assert first.text
    assert first.probability is not None
    assert first.visual is None
    assert np.isnan(first.cells()).all()
    list(words)
    whole = model.explain(PICTURE, PROMPT, method="attention", **steps)
    assert np.array_equal(words.explanation.maps, whole.maps, equal_nan=True)


def test_the_table_says_what_a_stream_gives() -> None:
    assert [name for name, method in tam.methods.METHODS.items() if method.streams] == ["tam"]


@pytest.mark.parametrize("name", ["explain", "explain_conversation", "stream", "explain_batch"])
def test_no_door_has_a_default_of_its_own(name: str) -> None:
    parameters = inspect.signature(getattr(tam.Model, name)).parameters
    assert not set(DEFAULTS) - {"answer"} & set(parameters)
    assert any(p.kind is p.VAR_KEYWORD for p in parameters.values())
