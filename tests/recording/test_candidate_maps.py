"""The maps of candidates and the stages, which an explanation keeps if they are requested."""

from pathlib import Path

import numpy as np
import pytest
import torch

import tam
import tam.recording.prepared
import tam.recording.recording
from tam.errors import InputError
from tests.hand_made import explanation, with_stages

PIXELS = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
ASKED = (PIXELS, "What is it?")


@pytest.fixture(scope="module")
def model(qwen_folder: Path) -> tam.Model:
    return tam.load(qwen_folder)


@pytest.fixture(scope="module")
def result(model: tam.Model) -> tam.Explanation:
    return model.explain(*ASKED, answer="a big zebra", candidate_maps=8, stages=True)


def test_nothing_is_kept_that_was_not_asked_for(model: tam.Model) -> None:
    plain = model.explain(*ASKED, answer="a big zebra")
    assert plain.stages is None
    assert plain.candidate_maps is None


def test_a_candidates_map_is_the_one_it_has_when_it_is_written(
    model: tam.Model, result: tam.Explanation
) -> None:
    """The oracle is another run with the candidate in place of the token."""
    special = tam.recording.prepared.special_ids(model.checkpoint)
    written = [token.id for token in result.tokens[result.prompt_targets :]]
    checked = 0
    for step in (0, 1, len(written) - 1):
        for rank in (0, 3):
            candidate = result.predictions[step].candidates[rank]
            if candidate.id in special:
                continue
            other = model.explain(*ASKED, answer=[*written[:step], candidate.id])
            target = result.prompt_targets + step
            np.testing.assert_allclose(
                result.candidate_map(target, rank), other.token_map(target), atol=1e-5
            )
            checked += 1
    assert checked >= 4


def test_the_written_token_has_its_own_map_as_a_candidate(model: tam.Model) -> None:
    """This also holds for a head that must be run as a whole."""
    generated = model.explain(*ASKED, max_new_tokens=4, do_sample=False, candidate_maps=1)
    assert generated.candidate_maps is not None
    for step, prediction in enumerate(generated.predictions):
        target = generated.prompt_targets + step
        assert prediction.candidates[0].id == generated.tokens[target].id
        np.testing.assert_allclose(
            generated.candidate_maps[step, 0], generated.maps[target], atol=1e-6
        )


def test_a_head_without_rows_gives_the_same(
    model: tam.Model, result: tam.Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = torch.nn.Sequential(model.checkpoint.lm_head)  # it has no weight of its own
    monkeypatch.setattr(type(model.adapter), "lm_head", lambda *_: packed)
    scored = model.explain(*ASKED, answer="a big zebra", candidate_maps=8, stages=True)
    np.testing.assert_allclose(scored.candidate_maps, result.candidate_maps, atol=1e-5)
    assert scored.stages is not None
    assert result.stages is not None
    np.testing.assert_allclose(scored.stages.after_eci, result.stages.after_eci, atol=1e-5)


def test_the_stages_are_the_scores_before_and_after_the_causal_step(
    model: tam.Model, result: tam.Explanation
) -> None:
    trace = model.record(
        tam.prompt.conversation.question([tam.open_image(PIXELS)], ASKED[1]), answer="a big zebra"
    )
    assert result.stages is not None
    scores = (
        (trace.vision_states.float() @ model.checkpoint.lm_head.weight[trace.text.ids].detach().T)
        .relu()
        .T.numpy()
    )
    np.testing.assert_allclose(result.stages.activation, scores, atol=1e-5)
    np.testing.assert_array_equal(
        result.stages.after_eci[0], result.stages.activation[0]
    )  # nothing stands before the first word
    lowered = result.stages.activation - result.stages.after_eci
    assert lowered.min() > -1e-6
    assert lowered.max() > 0.01


@pytest.mark.parametrize("count", [-1, 9])
def test_more_candidates_than_there_are(model: tam.Model, count: int) -> None:
    with pytest.raises(InputError, match="from 0 to 8"):
        model.explain(*ASKED, answer="a", candidate_maps=count)


@pytest.mark.parametrize(("target", "candidate"), [(3, 0), (13, 0), (4, 3), (4, -1)])
def test_a_candidate_without_a_map(target: int, candidate: int) -> None:
    kept = with_stages(explanation(), candidates=3)
    assert kept.candidate_map(4, 2).shape == (48, 64)
    with pytest.raises(InputError, match="has no map"):
        kept.candidate_map(target, candidate)
    with pytest.raises(InputError, match="has no map"):
        explanation().candidate_map(4, 0)
