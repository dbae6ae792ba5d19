"""However a reply is generated, its states are the model's own and no hooks remain."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import StoppingCriteria

import tam
from tam.errors import InputError
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.recording.lm_head import LMHead

PICTURE = image_from_array(
    np.random.default_rng(0).integers(0, 255, (100, 150, 3), dtype=np.uint8), "noise"
)
TALK = question([PICTURE], "What is in the picture?")
STEPS = 12


@pytest.fixture(params=["qwen_folder", "llava_folder"], scope="module")
def model(request: pytest.FixtureRequest) -> tam.Model:
    return tam.load(request.getfixturevalue(request.param))


@pytest.fixture(autouse=True)
def no_hook_survives(model: tam.Model) -> Iterator[None]:
    yield
    # transformers has its own hooks on some models; those of a run must be removed.
    hooks = [
        hook
        for module in model.module.modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    ]
    assert not [hook for hook in hooks if hook.__module__.startswith("tam")]


def explain(model: tam.Model, **options: Any) -> tam.Explanation:
    options = {"max_new_tokens": STEPS, "min_new_tokens": STEPS} | options
    return model.explain(PICTURE, "What is in the picture?", **options)


def reply_ids(result: tam.Explanation) -> list[int]:
    return [token.id for token in result.tokens[result.prompt_targets :]]


def test_states_are_those_that_the_head_reads(model: tam.Model) -> None:
    # More steps than are evaluated together.
    trace = model.record(TALK, max_new_tokens=20, min_new_tokens=20)
    assert len(trace.predictions) > 16
    prompt = encode(model.processor, TALK)
    first = trace.text.prompt_targets
    ids = torch.tensor([[*prompt.ids, *(t.id for t in trace.text.tokens[first:])]])
    inputs = dict(prompt.inputs) | {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if "mm_token_type_ids" in inputs:
        grown = torch.zeros_like(ids)
        grown[:, : len(prompt.ids)] = inputs["mm_token_type_ids"]
        inputs["mm_token_type_ids"] = grown
    with torch.no_grad():
        logits = model.module(**inputs).logits[0]
    head = model.module.get_output_embeddings()
    for states, positions in (
        (trace.vision_states, trace.vision.positions),
        (trace.context_states, trace.text.context_positions),
    ):
        assert torch.allclose(head(states), logits[positions], atol=1e-4)
    probabilities = logits.softmax(-1)
    for token, prediction in zip(trace.text.tokens[first:], trace.predictions, strict=True):
        own = probabilities[token.context_position]
        assert prediction.probability == pytest.approx(float(own[token.id]), rel=1e-3)
        best = [candidate.probability for candidate in prediction.candidates]
        assert best == pytest.approx(own.topk(len(best)).values.tolist(), rel=1e-3)


def test_generated_tokens_stand_at_the_position_that_predicted_them(model: tam.Model) -> None:
    result = explain(model)
    length = len(encode(model.processor, TALK).ids)
    for token in result.tokens[result.prompt_targets :]:
        assert token.position >= length
        assert token.context_position == token.position - 1


def test_answer_is_what_the_model_says_by_itself(model: tam.Model) -> None:
    prompt = encode(model.processor, TALK)
    with torch.no_grad():
        wanted = model.module.generate(**prompt.inputs, max_new_tokens=STEPS)
    trace = model.record(TALK, max_new_tokens=STEPS)
    special = model.special_ids()
    written = [token for token in wanted[0, len(prompt.ids) :].tolist() if token not in special]
    assert trace.text.ids[trace.text.prompt_targets :].tolist() == written


def test_given_ids_get_the_maps_of_generated_ones(model: tam.Model) -> None:
    written = explain(model)
    given = explain(model, answer=reply_ids(written))
    assert given.text == written.text
    assert np.allclose(given.maps, written.maps, atol=1e-5)
    assert np.allclose(given.relevance, written.relevance, atol=1e-5)
    for found, wanted in zip(given.predictions, written.predictions, strict=True):
        assert found.probability == pytest.approx(wanted.probability, rel=1e-4)
        assert [c.id for c in found.candidates[:3]] == [c.id for c in wanted.candidates[:3]]
    assert (written.provenance["answer"], given.provenance["answer"]) == ("generated", "given")


def test_a_given_text_is_spelled_as_it_is(model: tam.Model) -> None:
    result = explain(model, answer="a dog on a bench")
    assert result.text == "a dog on a bench"
    assert [word.text for word in result.words] == ["a", "dog", "on", "a", "bench"]


@pytest.mark.promise(
    "prompts", "special tokens in a given answer", "treated as text, and positions stay right"
)
def test_a_marker_in_a_given_text_is_text(model: tam.Model) -> None:
    marker = model.processor.image_token
    result = explain(model, answer=f"a {marker} dog")
    assert result.text == f"a {marker} dog"


@pytest.mark.parametrize(
    "options",
    [
        {"use_cache": False},
        {"cache_implementation": "static", "disable_compile": True},
        {"num_beams": 3},
        {"num_return_sequences": 2, "num_beams": 2},
        {"prompt_lookup_num_tokens": 3},
        {"num_beams": 2, "do_sample": True},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_way_of_generating_gives_the_maps_of_its_ids(
    model: tam.Model, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    result = explain(model, **options)
    forced = explain(model, answer=reply_ids(result))
    assert np.allclose(result.maps, forced.maps, atol=1e-5)
    assert len(result.predictions) == len(result.tokens) - result.prompt_targets


@pytest.mark.promise("models", "options that `generate` refuses", "a one-line error, exit code 2")
@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": 0},
        {"num_beams": 0},
        {"temperature": -1.0, "do_sample": True},
        {"num_return_sequences": 2},
    ],
    ids=lambda options: "-".join(options),
)
def test_options_that_transformers_refuses_are_bad_input(
    model: tam.Model, options: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="transformers refuses these options") as caught:
        model.explain(PICTURE, "What is it?", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.promise("models", "an error in the model's own code", "reported as the model's")
def test_a_fault_of_the_model_is_not_taken_for_bad_input(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("features and tokens do not match")

    monkeypatch.setattr(model.module, "generate", broken)
    with pytest.raises(ValueError, match="features and tokens"):
        model.explain(PICTURE, "What is it?")


def test_assisted_decoding_is_explained(llava_folder: Path) -> None:
    model, assistant = tam.load(llava_folder), tam.load(llava_folder).module
    result = model.explain(PICTURE, "What is it?", assistant_model=assistant, max_new_tokens=STEPS)
    forced = model.explain(PICTURE, "What is it?", answer=reply_ids(result))
    assert np.allclose(result.maps, forced.maps, atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # the compiler warns about its own internals
@pytest.mark.parametrize(
    "model", ["llava_folder", pytest.param("qwen_folder", marks=pytest.mark.grid)], indirect=True
)
def test_a_compiled_model_is_explained_without_recompiling_each_step(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = explain(model)
    compiled = torch.compile(model.module.forward, backend="eager")
    monkeypatch.setattr(model.module, "forward", compiled)
    compilations = []
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    for steps in (STEPS // 2, STEPS):
        result = explain(model, max_new_tokens=steps, min_new_tokens=steps)
        compilations.append(torch._dynamo.utils.counters["frames"]["total"])
    torch._dynamo.reset()
    assert compilations[0] == compilations[1] > 0
    assert np.allclose(result.maps, plain.maps, atol=1e-5)


def test_sampling_records_both_distributions(model: tam.Model) -> None:
    torch.manual_seed(1)
    result = explain(model, do_sample=True, temperature=0.5, top_k=5)
    assert all(p.sampled_probability is not None for p in result.predictions)
    assert any(p.sampled_probability > 1.5 * p.probability for p in result.predictions)
    forced = explain(model, answer=reply_ids(result))
    assert np.allclose(result.maps, forced.maps, atol=1e-5)
    assert all(p.sampled_probability is None for p in forced.predictions)


class Interrupt(StoppingCriteria):
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __call__(self, *_: Any, **__: Any) -> torch.Tensor:
        raise self.error


@pytest.mark.promise("memory", "a run that is interrupted", "no hook and no state remains")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_leaves_nothing_behind(
    model: tam.Model, error: type[BaseException]
) -> None:
    # The fixture then checks that no hooks remain.
    with pytest.raises(error):
        explain(model, stopping_criteria=[Interrupt(error)])


def test_the_callers_own_stopping_criteria_still_stop(model: tam.Model) -> None:
    class AtThree(StoppingCriteria):
        def __call__(self, ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return torch.full((len(ids),), ids.shape[1] >= length + 3)

    length = len(encode(model.processor, TALK).ids)
    result = explain(model, stopping_criteria=[AtThree()])
    assert len(result.tokens) - result.prompt_targets == 3


@pytest.mark.promise("memory", "a long reply", "only the needed states are kept")
def test_only_needed_states_are_kept(model: tam.Model) -> None:
    trace = model.record(TALK, max_new_tokens=STEPS)
    assert trace.vision_states.shape == (len(trace.vision.positions), 32)
    assert trace.context_states.shape == (len(trace.text.tokens), 32)


def test_a_plain_head_is_read_by_its_rows(model: tam.Model) -> None:
    module = model.checkpoint.lm_head
    ids, states = torch.tensor([5, 9, 5]), torch.randn(4, 32)
    head = LMHead(module, model.module)
    assert head.reads_rows(states[:1])
    wanted = states @ module.weight[ids].T
    assert torch.allclose(head.scores(ids, states), wanted, atol=1e-5)
    assert torch.allclose(head.logits(states), module(states), atol=1e-5)


class Wrapped(torch.nn.Module):
    """A head that computes more than products with its weight, like a low-rank adapter."""

    def __init__(self, inner: torch.nn.Linear) -> None:
        super().__init__()
        self.weight = inner.weight
        self.bias = torch.nn.Parameter(torch.randn(inner.out_features))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return states @ (2 * self.weight).T + self.bias


def test_a_head_that_is_more_than_its_weight_is_run(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = explain(model)
    wrapped = Wrapped(model.module.get_output_embeddings())
    ids, states = torch.tensor([3, 4]), torch.randn(70, 32)
    head = LMHead(wrapped, wrapped)
    assert not head.reads_rows(states[:1])
    scores = head.scores(ids, states)
    assert torch.allclose(scores, 2 * states @ wrapped.weight[ids].T, atol=1e-4)
    # Doubling a head changes no map, so the whole run can be compared with the plain one.
    monkeypatch.setattr(type(model.adapter), "lm_head", lambda *_: wrapped)
    packed = explain(model, answer=reply_ids(plain))
    assert np.allclose(packed.maps, plain.maps, atol=1e-5)


def test_an_offloaded_head_gives_its_rows(model: tam.Model, qwen_folder: Path) -> None:
    from accelerate import cpu_offload

    model = tam.load(qwen_folder)
    plain = explain(model)
    cpu_offload(model.module, execution_device=torch.device("cpu"))
    assert model.module.get_output_embeddings().weight.is_meta
    trace = model.record(TALK, answer=reply_ids(plain))
    assert trace.lm_head.reads_rows(trace.states[-1:])
    offloaded = explain(model, answer=reply_ids(plain))
    assert np.allclose(offloaded.maps, plain.maps, atol=1e-5)
