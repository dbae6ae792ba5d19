from dataclasses import replace

import numpy as np
import pytest
import torch

from tam.geometry.layout import TextLayout, TextToken, VisionGrid, VisionLayout
from tam.methods import explain
from tam.methods.logit_lens import spread
from tam.methods.parts import from_scores
from tam.recording.lm_head import LMHead
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.testing import probe_picture

Rows = list[list[float]]


def trace_of(states: Rows, context: Rows, rows: Rows) -> Trace:
    """A run over 2 × 2 cells of a picture of 2 × 2 pixels; all words are the reply's."""
    tokens = [TextToken(i, 10 + i, 9 + i, 1, "assistant", f" w{i}", i) for i in range(len(rows))]
    grid = VisionGrid(0, 0, "whole", (1, 2, 2), (0, 0, 2, 2), np.arange(4), np.array([[0, 1]]))
    head = torch.nn.Linear(len(rows[0]), len(rows), bias=False)
    head.weight = torch.nn.Parameter(torch.tensor(rows))
    return Trace(
        media=(probe_picture(2, 2),),
        vision=VisionLayout((grid,), np.zeros(0, np.int64)),
        text=TextLayout(tuple(tokens), 0),
        states=torch.tensor([*states, *context]),
        lm_head=LMHead(head, head),
        predictions=(),
        provenance={},
    )


def test_a_run_of_two_words_by_hand() -> None:
    # The first word lies in cell 0; the second in cell 3, and a third of the first word leaks in.
    run = trace_of(
        states=[[3.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 2.0]],
        context=[[1.0, 0.5], [0.0, 0.0]],
        rows=[[1.0, 0.0], [0.0, 1.0]],
    )
    raw, eci = explain("activation", run), explain("eci", run)
    assert raw.maps[0].tolist() == [1, 0, 0, 0]
    assert raw.maps[1].tolist() == [0.5, 0, 0, 1]
    # X[0, 1] = 0.5 is the only weight: I = A[:, 0], s = <(1, 0, 0, 2), (3, 0, 0, 0)> / 9 = 1/3.
    assert eci.maps[1].tolist() == [0, 0, 0, 1]
    assert eci.text_scores[1].tolist() == [0.5, 0]
    assert eci.relevance[1].tolist() == pytest.approx([0.25, 0])


def test_a_linear_head_has_an_exact_class_activation_map() -> None:
    """The map of a class is the product of the states with its row, without the bias."""
    states = [[1.0, 4.0, 2.0], [2.0, -1.0, 3.0], [3.0, 2.0, 1.0], [-1.0, 0.0, 0.0]]
    rows = [[1.0, 0.5, -1.0], [0.0, 2.0, 1.0]]
    run = trace_of(states=states, context=[[0.0] * 3] * 2, rows=rows)
    biased = torch.nn.Linear(3, 2)
    biased.weight = torch.nn.Parameter(torch.tensor(rows))
    biased.bias = torch.nn.Parameter(torch.tensor([50.0, -50.0]))
    expected = np.maximum(np.array(states) @ np.array(rows).T, 0).T
    for head in (run.lm_head, LMHead(biased, biased)):
        found = explain("activation", replace(run, lm_head=head)).maps
        assert np.allclose(found, expected / expected.max(1, keepdims=True))


def test_a_repeated_word_keeps_its_raw_map() -> None:
    """Earlier tokens of the same word interfere with nothing, however strong they are."""
    run = trace_of(
        states=[[3.0, 1.0], [0.0, 2.0], [1.0, 0.0], [0.0, 2.0]],
        context=[[9.0, 9.0]] * 2,
        rows=[[1.0, 0.5], [1.0, 0.5]],
    )
    same = replace(
        run, text=replace(run.text, tokens=tuple(replace(token, id=0) for token in run.text.tokens))
    )
    raw, eci = (explain(name, same).maps[1] for name in ("activation", "eci"))
    assert np.allclose(raw, eci)
    assert np.ptp(raw) > 0


def test_the_four_rows_of_the_ablation_differ_in_their_steps_alone(small_picture: Replay) -> None:
    trace = small_picture.trace
    scores = trace.states @ small_picture.checkpoint.lm_head.weight[trace.text.ids].detach().T
    for name, eci, size in (("activation", 0, 1), ("eci", 1, 1), ("rgf", 0, 3), ("tam", 1, 3)):
        maps, text, relevance = from_scores(trace, scores, eci=bool(eci), kernel_size=size)
        result = explain(name, trace)
        assert np.allclose(result.maps, maps, atol=1e-5)
        assert np.allclose(result.text_scores, text, atol=1e-4)
        assert np.allclose(result.relevance, relevance, atol=1e-5)
    assert not np.allclose(explain("eci", trace).maps, explain("activation", trace).maps)
    assert not np.allclose(explain("rgf", trace).maps, explain("activation", trace).maps)


def test_a_cap_limits_what_earlier_words_take_away(small_picture: Replay) -> None:
    trace = small_picture.trace
    free, unlike = explain("tam", trace), explain("tam", trace, eci_cap=0.2)
    assert np.array_equal(explain("tam", trace, eci_cap=1e9).maps, free.maps)
    assert np.array_equal(explain("tam", trace, eci_cap=0).maps, explain("rgf", trace).maps)
    assert unlike.provenance["method"] == {"name": "tam", "kernel_size": 3, "eci_cap": 0.2}
    assert "eci_cap" not in free.provenance["method"]
    assert not np.allclose(unlike.maps, free.maps)


def test_a_head_that_gives_scores_alone_does_as_well(small_picture: Replay) -> None:
    trace = small_picture.trace
    packed = replace(
        trace,
        lm_head=LMHead(
            torch.nn.Sequential(small_picture.checkpoint.lm_head), small_picture.checkpoint.module
        ),
    )
    assert not packed.lm_head.reads_rows(trace.states[:1])
    for name in ("tam", "activation", "eci", "rgf"):
        assert np.allclose(explain(name, packed).maps, explain(name, trace).maps, atol=1e-5)


def test_the_logit_lens_at_the_last_layer_is_the_activation(replay: Replay) -> None:
    last = explain("logit-lens", replay.trace, replay)
    raw = explain("activation", replay.trace)
    assert np.allclose(last.maps, raw.maps, atol=1e-4)
    assert np.allclose(last.relevance, raw.relevance, atol=1e-4)
    earlier = explain("logit-lens", replay.trace, replay, layer=0)
    assert not np.allclose(earlier.maps, raw.maps, atol=1e-2)


def test_the_lens_takes_the_layer_whose_maps_are_concentrated(small_picture: Replay) -> None:
    trace = small_picture.trace
    layers = [
        explain("logit-lens", trace, small_picture, layer=layer)
        for layer in range(len(small_picture.layers))
    ]
    found = explain("logit-lens", trace, small_picture, layer="entropy")
    best = int(np.argmin([spread(trace, result.maps) for result in layers]))
    assert found.provenance["method"] == {"name": "logit-lens", "layer": "entropy", "chosen": best}
    assert np.allclose(found.maps, layers[best].maps, atol=1e-6)


def test_a_spread_map_has_a_higher_entropy_than_one_in_one_place() -> None:
    run = trace_of(states=[[1.0]] * 4, context=[[0.0]], rows=[[1.0]])
    one, two = (np.array([row], np.float32) for row in ([1, 0, 0, 0], [1, 0, 0, 1]))
    assert spread(run, one) == spread(run, two) == 0  # both cells touch at a corner
    [grid] = run.vision.grids
    wide = replace(run, vision=replace(run.vision, grids=(replace(grid, shape=(1, 1, 4)),)))
    assert spread(wide, two) == pytest.approx(np.log(2))
    assert spread(run, np.zeros((1, 4), np.float32)) == np.inf


def test_the_logit_lens_reads_a_layer_as_the_head_would(qwen_picture: Replay) -> None:
    trace, module = qwen_picture.trace, qwen_picture.checkpoint.module
    with torch.no_grad():
        states = module(**qwen_picture.inputs, output_hidden_states=True).hidden_states[1][0]
        normed = module.model.language_model.norm(states)
        scores = module.lm_head(normed)[trace.vision.positions][:, trace.text.ids].relu().numpy()
    found = explain("logit-lens", trace, qwen_picture, layer=0).maps
    for row, column in zip(found, scores.T, strict=True):
        # The common scale with the text scores is affine: the map's own shape is the logits'.
        if column.max() > column.min():
            assert np.corrcoef(row, column)[0, 1] == pytest.approx(1, abs=1e-5)


def test_controls_know_the_picture_and_not_the_word(llava_pictures: Replay) -> None:
    trace = llava_pictures.trace
    center = explain("center", trace)
    first = trace.text.prompt_targets
    assert np.array_equal(center.maps[first], center.maps[-1])
    grid = center.maps[-1][:64].reshape(8, 8)
    assert grid[3:5, 3:5].min() == grid.max() == 1
    # The model sees the middle square of a wide picture: its left edge is no edge of the picture.
    assert grid[3, 0] > grid[0, 3]
    noise, other = explain("random", trace), explain("random", trace, seed=1)
    assert not np.array_equal(noise.maps[-1], noise.maps[first])
    assert not np.array_equal(noise.maps[-1], other.maps[-1])
    assert np.array_equal(explain("random", trace, None, [first]).maps[first], noise.maps[first])
    turned = [replace(item, frames=item.frames[:, ::-1]) for item in trace.media]
    elsewhere = explain("random", replace(trace, media=tuple(turned)))
    assert not np.array_equal(elsewhere.maps[first], noise.maps[first]), "independent between items"
