"""KernelSHAP and EAGLE on games that are known, and on pictures."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues
from numpy.typing import NDArray

import tam
from tam.errors import InputError
from tam.evaluate.invented_items import invented_items
from tam.evaluate.scene_items import scene_items
from tam.methods import explain
from tam.methods.eagle import heights, joined, searched
from tam.methods.kernel_shap import coalitions, shapley_values, solved
from tam.methods.perturbation import Region, shown_alone
from tam.methods.superpixels import superpixels
from tam.replay import Replay
from tam.scenes.world import COLORS, SHAPES


def game(sets: NDArray[Any]) -> NDArray[np.float64]:
    """A game with company: 3 for the first, 2 for the second with the third, -1 for the last."""
    present = sets.astype(np.float64)
    return np.asarray(3 * present[:, 0] + 2 * present[:, 1] * present[:, 2] - present[:, 3])


def test_all_coalitions_give_the_shapley_values() -> None:
    shown, weights = coalitions(4, 14, seed=0)
    assert len(shown) == 14
    whole = game(np.ones((1, 4)))
    [values] = solved(shown, weights, game(shown)[:, None], whole)
    marginal = np.zeros(4)
    for order in permutations(range(4)):
        present = np.zeros((1, 4))
        for player in order:
            before = game(present)
            present[0, player] = 1
            marginal[player] += (game(present) - before).item() / 24
    assert values == pytest.approx(marginal)
    assert values == pytest.approx([3, 1, 1, -1])


def test_drawn_coalitions_come_close_and_keep_the_sum_law() -> None:
    shown, weights = coalitions(12, 400, seed=1)
    assert shown.shape == (400, 12)
    assert (shown[::2] != shown[1::2]).all(), "each with its complement"
    whole = game(np.ones((1, 12)))
    [values] = solved(shown, weights, game(shown)[:, None], whole)
    assert values.sum() == pytest.approx(float(whole[0]))
    assert values == pytest.approx([3, 1, 1, -1, *[0] * 8], abs=0.1)


def test_values_of_regions_are_captums(qwen_picture: Replay) -> None:
    [picture] = qwen_picture.trace.media
    rows, columns = np.mgrid[0 : picture.height, 0 : picture.width]
    labels = rows // 45 * 2 + columns // 60
    regions = [Region(0, 0, 1, labels == index) for index in range(4)]
    ours = shapley_values(qwen_picture, regions, samples=14, seed=0, batch=16)

    def read(present: torch.Tensor) -> torch.Tensor:
        found = shown_alone(qwen_picture, regions, present.bool().numpy(), batch=16)
        return torch.from_numpy(found[:, 1])

    theirs = ShapleyValues(read).attribute(torch.ones(1, 4), perturbations_per_eval=1)
    assert ours[1] == pytest.approx(theirs[0].numpy(), abs=1e-4)
    everything = np.stack([np.ones(4, bool), np.zeros(4, bool)])
    whole, nothing = shown_alone(qwen_picture, regions, everything, batch=2)
    assert ours.sum(1) == pytest.approx(whole - nothing, abs=1e-5), "the sum law"


def test_the_search_adds_what_is_worth_most_first() -> None:
    tried: list[int] = []

    def objective(sets: NDArray[np.bool_]) -> NDArray[np.float64]:
        tried.append(len(sets))
        return sets @ np.array([1.0, 5.0, 0.0, 2.0])

    order, values = searched(objective, 4, scope=2, every=3)
    assert order == [1, 3, 0, 2]
    assert values == [0, 5, 7, 8, 8]
    # All, two, two, and all of one that is left.
    assert tried == [1, 4, 2, 2, 1]
    assert heights(order, values) == pytest.approx([1 / 8, 1, 0, 3 / 8], abs=0.01)


def test_regions_added_after_the_best_set_keep_their_order() -> None:
    found = heights([2, 0, 3, 1], [0.2, 0.9, 0.8, 0.8, 0.5])
    assert np.argsort(-found).tolist() == [2, 0, 3, 1]
    assert found[2] == 1
    assert 0 <= found[1] < found[3] < found[0] < 0.01
    assert not heights([1, 0], [0.5, 0.4, 0.3]).any(), "no set is better than none"


@pytest.mark.parametrize("name", ["kernel-shap", "eagle"])
def test_the_object_of_a_word_is_found(name: str) -> None:
    options: dict[str, Any] = {"segments": 8}
    if name == "kernel-shap":
        options["samples"] = 64
    [item] = scene_items("one", 1)
    small = tam.load("small")
    replay = Replay(small.checkpoint, small.run(item.conversation, answer=item.references[0]))
    words = dict(replay.trace.text.reply_words.values())
    [color] = [word for word in words if word in COLORS]
    found = explain(name, replay.trace, replay, words[color], **options)
    heat, mask = found.words[color].map(), item.masks[item.categories[color]]
    assert 0 <= heat.min() < heat.max() <= 1
    assert heat[mask].mean() > 2 * heat[~mask].mean()


def test_a_word_is_the_product_of_its_tokens_and_a_group_their_mean_or_product() -> None:
    read = np.log(np.array([[0.5, 0.8, 0.1, 0.25]], np.float32))
    words = [[0, 1], [3]]
    assert joined(read, words, "mean") == pytest.approx([(0.4 + 0.25) / 2])
    assert joined(read, words, "product") == pytest.approx([0.4 * 0.25])


def test_a_sentence_is_searched_once_and_only_content_words_have_maps(
    small_picture: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = []

    def counted(objective: Any, regions: int, *_options: int) -> tuple[list[int], list[float]]:
        searches.append(objective(np.ones((1, regions), bool)).item())
        return list(range(regions)), list(np.linspace(0, 1, regions + 1))

    monkeypatch.setattr("tam.methods.eagle.searched", counted)
    trace = small_picture.trace
    words = [(text, targets) for text, targets in trace.text.reply_words.values()]
    content = [targets for text, targets in words if text in {"small", "large", *COLORS, *SHAPES}]
    found = explain("eagle", trace, small_picture, segments=8, level="sentence")
    known = np.flatnonzero(~np.isnan(found.maps).any(1)).tolist()
    assert known == sorted(target for targets in content for target in targets)
    assert (found.maps[known] == found.maps[known[0]]).all()
    regions = superpixels(trace, 8, adaptive=True).regions
    both = np.array([[True], [False]]).repeat(len(regions), 1)
    whole, nothing = shown_alone(small_picture, regions, both, batch=2)
    steps = np.array(known) - trace.text.prompt_targets
    expected = np.exp(whole[steps]).mean() + 1 - np.exp(nothing[steps]).mean()
    assert searches == [pytest.approx(expected, abs=1e-5)], "each word of this model is one token"
    assert found.provenance["method"]["level"] == "sentence"
    searches.clear()
    explain("eagle", trace, small_picture, segments=8, level="phrase")
    assert 1 < len(searches) < len(content)


def test_searches_of_one_reply_share_the_sets_that_they_read(
    small_picture: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, reads = small_picture.trace, []

    def noted(replay: Replay, regions: Any, shown: NDArray[np.bool_], batch: int) -> Any:
        reads.extend(row.tobytes() for row in shown)
        return shown_alone(replay, regions, shown, batch)

    monkeypatch.setattr("tam.methods.eagle.shown_alone", noted)
    first = trace.text.prompt_targets
    asked = [first + 1, first + 2]
    together = explain("eagle", trace, small_picture, asked, segments=8)
    assert len(reads) == len(set(reads)), "no set is read twice"
    shared = len(reads)
    reads.clear()
    alone = [explain("eagle", trace, small_picture, [target], segments=8) for target in asked]
    assert shared < len(reads)
    for target, single in zip(asked, alone, strict=True):
        assert together.maps[target] == pytest.approx(single.maps[target], abs=1e-4)


def test_an_unknown_level_is_refused(small_picture: Replay) -> None:
    with pytest.raises(InputError, match="level: cannot be 'page'; use token, word"):
        explain("eagle", small_picture.trace, small_picture, level="page")
    with pytest.raises(InputError, match="joint: cannot be 'sum'; use mean"):
        explain("eagle", small_picture.trace, small_picture, joint="sum")


def test_eagle_has_as_many_superpixels_on_a_noisy_picture() -> None:
    small = tam.load("small")
    [item] = invented_items("invented-noisy", 1)
    trace = small.run(item.conversation, answer="A ring.").trace
    assert 24 <= len(superpixels(trace, 32, adaptive=True).regions) <= 40
    labels = superpixels(trace, 32, adaptive=True).labels[0, 0, 1]
    assert np.bincount(labels.ravel()).min() > 0
