"""The grounding score: its two parts against hand computation, and its results on scenes."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tam
from tam.evaluate.scene_items import scene_items
from tam.explanation.calibration import CALIBRATED, INVENTED, PLANTED, WEIGHTS_KEY, Weights
from tam.explanation.explanation import Candidate, Prediction
from tam.geometry.layout import TextLayout, TextToken
from tam.prompt.conversation import question
from tam.recording.grounding import LEAST, evidence_of_words, grounding
from tam.recording.lm_head import LMHead
from tam.recording.trace import Trace
from tam.scenes.world import COLORS, SHAPES, make_scene
from tam.text.function_words import is_content
from tests.hand_made import explanation

# Tokens 0 to 3 are words; the state of each of the two cells is a row of scores for all four.
SCORES = torch.tensor([[4.0, 1.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]])
HEAD = torch.nn.Linear(4, 4, bias=False)
torch.nn.init.eye_(HEAD.weight)


def step(token: int, probability: float, *rivals: int) -> Prediction:
    options = (Candidate(token, "", probability), *(Candidate(r, "", 0.01) for r in rivals))
    return Prediction(probability, None, options)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """The reply "the cat dogs": an article, a word of one token, a word of two."""
    model = tam.load("small")
    recorded = model.record(question([tam.open_image(make_scene(0).image)], "What?"), answer="a")
    pieces = [(3, "the", 0), (1, " cat", 1), (0, " do", 2), (2, "gs", 2)]
    tokens = tuple(
        TextToken(token, index, index, 1, "assistant", text, word)
        for index, (token, text, word) in enumerate(pieces)
    )
    return replace(
        recorded,
        text=TextLayout(tokens, 0),
        states=torch.cat([SCORES, torch.zeros(4, 4)]),
        lm_head=LMHead(HEAD, HEAD),
        predictions=(step(3, 0.9, 0), step(1, 0.5, 2), step(0, 1e-9, 1), step(2, 0.5)),
    )


def test_the_two_parts_by_hand(trace: Trace) -> None:
    among = SCORES.numpy() - np.log(np.exp(SCORES.numpy()).sum(1, keepdims=True))
    best = among.max(0)
    found = evidence_of_words(trace)
    assert np.isnan(found[[0, 3]]).all()
    assert found[1] == pytest.approx([best[1] - best[2], math.log(0.5)])
    assert found[2] == pytest.approx([0, LEAST])  # better seen than its rival, never said
    scores = grounding(trace)
    assert np.isnan(scores[[0, 3]]).all()
    for score, (seen, said) in zip(scores[1:3], found[1:3], strict=True):
        assert score == pytest.approx(logistic(PLANTED, seen, said))


def logistic(weights: Weights, seen: float, said: float) -> float:
    return 1 / (1 + math.exp(-(weights[0] * seen + weights[1] * said + weights[2])))


@pytest.mark.parametrize(
    ("model", "weights"),
    [("photo", INVENTED), ("small-masks", PLANTED), ("somebody/else", PLANTED), (None, PLANTED)],
)
def test_each_model_has_the_weights_that_were_fitted_for_it(
    model: str | None, weights: Weights, trace: Trace
) -> None:
    given = {} if model is None else {"model": model}
    scores = grounding(replace(trace, provenance=given))
    seen, said = evidence_of_words(trace)[1]
    assert scores[1] == pytest.approx(logistic(weights, seen, said))
    told = {**given, WEIGHTS_KEY: list(weights)}
    assert replace(explanation(), provenance=told).grounding_is_calibrated is (model in CALIBRATED)


def test_scores_with_the_weights_of_other_models_are_not_called_calibrated(tmp_path: Path) -> None:
    old = replace(explanation(), provenance={"model": "photo"})
    assert not old.grounding_is_calibrated, "saved before the model had weights of its own"
    assert replace(old, provenance={"model": "small"}).grounding_is_calibrated
    new = tam.load("small").explain(make_scene(0).image, "What is here?", answer="a red star")
    assert new.grounding_is_calibrated
    new.save(tmp_path / "saved")
    assert tam.load_explanation(tmp_path / "saved").grounding_is_calibrated


def test_a_head_without_rows_gives_the_same(trace: Trace) -> None:
    class Wrapped(torch.nn.Module):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return states

    wrapped = replace(trace, lm_head=LMHead(Wrapped(), Wrapped()))
    assert grounding(wrapped) == pytest.approx(grounding(trace), nan_ok=True)


def test_a_token_without_a_rival_has_no_score(trace: Trace) -> None:
    alone = replace(trace, predictions=(step(3, 1), step(1, 1), step(0, 1), step(2, 1)))
    assert np.isnan(grounding(alone)).all()


def test_which_words_can_be_doubted() -> None:
    assert all(map(is_content, ("cat", "left", "Berlin", "red", "two-tone")))
    assert not any(map(is_content, ("the", "A", "on", ".", "12", "")))


def test_planted_words_score_lower_than_true_ones() -> None:
    model = tam.load("small")
    planted, true = [], []
    for item in scene_items("false", 8):
        result = model.explain_conversation(item.conversation, answer=item.answer)
        assert result.token_grounding is not None
        [(first, last)] = item.false_spans
        end = 0
        for score, token in zip(
            result.token_grounding, result.tokens[result.prompt_targets :], strict=True
        ):
            start, end = end, end + len(token.text)
            if start < last and end > first:
                planted.append(score)
            elif token.text.strip() in (*COLORS, *SHAPES):
                true.append(score)
    planted, true = ([s for s in scores if not np.isnan(s)] for scores in (planted, true))
    assert len(planted) == 8
    below = np.mean([p < t for p in planted for t in true])
    assert below > 0.9
    assert np.mean(np.array(true) >= 0.5) > 0.9
    assert np.mean(np.array(planted) < 0.5) > 0.5
