"""The trainer: layout as in the model, falling loss, supervision as stated, exact resumption."""

import copy
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
import torch

from tam.scenes.batch import IGNORED, WORDS, patches, stills
from tam.scenes.examples import KINDS
from tam.scenes.training import curriculum
from tam.scenes.training import train as trainer
from tam.scenes.training.losses import (
    hidden_states,
    mask_readability,
    use_prefix_attention,
    vision_features,
    weak_readability,
)
from tam.scenes.training.network import new_model
from tam.scenes.world import make_scene
from tests.scenes.batches import ENCODER, TOKENIZER, training_batch


@pytest.fixture(scope="module")
def model():
    return new_model(TOKENIZER, 0).eval()


def test_pictures_seen_at_once_are_seen_as_by_the_model_itself(model):
    images = np.stack([make_scene(seed, 72, 56).image for seed in range(3)])
    pixels = torch.from_numpy(patches(stills(images)))
    with torch.no_grad():
        own = model.model.visual(pixels, grid_thw=torch.tensor([[1, 9, 7]] * 3)).pooler_output
        fast = vision_features(model, pixels, (9, 7)).reshape(own.shape)
    torch.testing.assert_close(fast, own, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("turn", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_each_turn_is_trained_as_the_model_is_used(model, kind, turn):
    """A turn that shares a row with others has the same states as alone in the real model."""
    seen = 0
    for index in range(8):
        batch = training_batch(first=index, count=1, kind=kind, grid=(6, 7))
        if batch.segments.max() < turn + 1:
            continue
        seen += 1
        own = (batch.segments[0] == 0) | (batch.segments[0] == turn + 1)
        ids, labels = torch.from_numpy(batch.ids[:, own]), torch.from_numpy(batch.labels[:, own])
        grids = batch.true_words.shape[1]
        arrays = (batch.ids, batch.positions, batch.segments, batch.vision)
        pixels = torch.from_numpy(batch.pixels)
        shown = (
            {"pixel_values_videos": pixels, "video_grid_thw": torch.tensor([[grids, 6, 7]])}
            if kind == "clip"
            else {"pixel_values": pixels, "image_grid_thw": torch.tensor([[1, 6, 7]] * grids)}
        )
        with torch.no_grad():
            handed = vision_features(model, pixels, batch.grid).reshape(1, grids * 42, -1)
            states = hidden_states(model, handed, *(torch.from_numpy(x) for x in arrays))
            real = model.model(
                input_ids=ids,
                mm_token_type_ids=(ids == ENCODER.image).int() + 2 * (ids == ENCODER.video).int(),
                attention_mask=torch.ones_like(ids),
                **shown,
            ).last_hidden_state
        torch.testing.assert_close(states[:, torch.from_numpy(own)], real, atol=1e-4, rtol=1e-3)
        answer = TOKENIZER.decode(labels[labels != IGNORED])
        assert answer.endswith("<|im_end|>")
    assert seen > 0


def test_the_training_attention_is_the_models_own(model):
    batch = training_batch(count=2)
    arrays = (batch.ids, batch.positions, batch.segments, batch.vision)
    tensors = [torch.from_numpy(array) for array in arrays]
    fast = copy.deepcopy(model)
    use_prefix_attention(fast)
    with torch.no_grad():
        handed = vision_features(model, torch.from_numpy(batch.pixels), batch.grid)
        own = hidden_states(model, handed, *tensors)
        quick = hidden_states(fast, handed, *tensors)
    real = torch.from_numpy(batch.segments >= 0)
    torch.testing.assert_close(quick[real], own[real], atol=1e-4, rtol=1e-3)


def test_labels_are_answers_only():
    batch = training_batch(count=6)
    for ids, labels in zip(batch.ids, batch.labels, strict=True):
        kept = labels != IGNORED
        np.testing.assert_array_equal(labels[kept], ids[kept])
        assert ENCODER.image not in labels
        assert "?" not in TOKENIZER.decode(labels[kept])


def test_true_words_are_the_scenes_and_masks_are_absent_by_default():
    batch = training_batch(count=4, objects=(2, 2))
    for row in range(4):
        words = set(np.array(ENCODER.token_words)[batch.true_words[row, 0]])
        scene = make_scene(1 + row, 72, 56, (2, 2))
        assert words == {word for item in scene.objects for word in item.pair}
    assert batch.cell_words is None
    assert set(ENCODER.token_words) == set(WORDS)


def test_cell_words_follow_the_masks():
    batch = training_batch(count=4, masks=True)
    for row in range(4):
        scene = make_scene(1 + row, 72, 56, (1, 2))
        item = scene.objects[0]
        share = item.mask.reshape(9, 8, 7, 8).mean(axis=(1, 3)).ravel()
        own = ENCODER.words_true_of([item.pair])
        np.testing.assert_array_equal((batch.cell_words[row] == own).all(1)[share >= 0.5], True)
        outside = ~np.logical_or.reduce([other.mask for other in scene.objects])
        bare = outside.reshape(9, 8, 7, 8).all(axis=(1, 3)).ravel()
        assert not batch.cell_words[row][bare].any()


def test_one_scene_in_sixteen_is_empty():
    batch = training_batch(first=0, count=16)
    assert [bool(row.any()) for row in batch.true_words] == [False] + [True] * 15


def _weak_case():
    """Return a head that reads word i off channel i, blank states, and the arguments for words."""
    head = torch.nn.Linear(12, 12, bias=False)
    torch.nn.init.eye_(head.weight)
    tokens, kinds = torch.tensor([3, 5, 8, 9]), torch.tensor([0, 0, 1, 1])
    words = torch.tensor([[True, False, True, False]])
    pairs = torch.tensor([[[True, False], [False, False]]])
    return head, torch.zeros(1, 12, 12), (tokens, kinds, words, pairs)


def test_weak_readability_rewards_true_words_wherever_they_are():
    """Shuffling the vision positions does not change the loss, so it uses no location."""
    head, vision, (tokens, kinds, words, pairs) = _weak_case()
    blank = weak_readability(head, vision, tokens, kinds, words, pairs)
    vision[0, 4, 3] = 8
    loss = weak_readability(head, vision, tokens, kinds, words, pairs)
    shuffled = weak_readability(head, vision[:, torch.randperm(12)], tokens, kinds, words, pairs)
    torch.testing.assert_close(loss, shuffled)
    assert loss < blank
    vision[0, 6, 5] = 8  # a word that is not true
    assert weak_readability(head, vision, tokens, kinds, words, pairs) > loss


def test_weak_readability_wants_the_words_of_a_pair_in_one_place():
    head, apart, (tokens, kinds, words, pairs) = _weak_case()
    together = apart.clone()
    apart[0, 1, 3] = apart[0, 2, 8] = 8
    together[0, 1, 3] = together[0, 1, 8] = 8
    loss = weak_readability(head, apart, tokens, kinds, words, pairs)
    assert weak_readability(head, together, tokens, kinds, words, pairs) < loss


def test_weak_readability_wants_a_shape_wherever_a_color_is_and_nowhere_else():
    head, half, (tokens, kinds, words, pairs) = _weak_case()
    half[0, 1:5, 3] = half[0, 1:3, 8] = 8
    full, beside = half.clone(), half.clone()
    full[0, 3:5, 8] = beside[0, 7:9, 8] = 8
    lost = [
        weak_readability(head, states, tokens, kinds, words, pairs).item()
        for states in (full, half, beside)
    ]
    assert lost == sorted(lost)
    assert lost[0] < lost[1] < lost[2]


def test_mask_readability_rewards_words_where_they_are():
    head = torch.nn.Linear(8, 20, bias=False)
    tokens, supervised = torch.tensor([3, 5]), torch.tensor([True, True])
    cells = torch.zeros(1, 4, 2, dtype=torch.bool)
    cells[0, 1, 0] = True
    right = torch.stack([head.weight[row] for row in (7, 3, 7, 7)]).detach()[None] * 20
    assert mask_readability(head, right, tokens, supervised, cells, 7) < mask_readability(
        head, right.flip(1), tokens, supervised, cells, 7
    )


def test_mask_readability_leaves_unsupervised_words_alone():
    head = torch.nn.Linear(8, 20, bias=False)
    tokens, supervised = torch.tensor([3, 5]), torch.tensor([True, False])
    cells = torch.zeros(1, 4, 2, dtype=torch.bool)
    cells[0, 1], cells[0, 2, 1] = True, True
    vision = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    mask_readability(head, vision, tokens, supervised, cells, 7).backward()
    assert (head.weight.grad[5] == 0).all()
    assert (head.weight.grad[3] != 0).any()
    # A cell whose object has only unsupervised words adds nothing to the loss.
    assert (vision.grad[0, 2] == 0).all()
    assert (vision.grad[0, [0, 1, 3]] != 0).any(-1).all()


@pytest.mark.parametrize("readability", ["weak", "masks", "none"])
def test_a_few_steps_lower_the_loss(tiny, readability):
    settings = replace(tiny, readability=readability, steps=16)
    run = trainer.start(settings, "cpu")
    shown = curriculum.batches(settings, 0, 0)
    said = [trainer.advance(run, ENCODER, batch)[0].item() for batch in shown]
    assert len(said) == 16
    assert np.mean(said[-4:]) < np.mean(said[:4]) - 1


@pytest.mark.parametrize("phase", ["whole", "language"])
def test_a_resumed_run_is_the_same_run(tiny, tmp_path, phase):
    tiny = replace(tiny, phase=phase)
    straight = trainer.train(tiny, tmp_path / "straight", "cpu", every=5)
    broken = trainer.start(tiny, "cpu")
    for step in range(2):
        trainer.advance(broken, ENCODER, curriculum.batch_of(ENCODER, tiny, step))
    trainer.save(broken, tmp_path / "broken")
    resumed = trainer.train(tiny, tmp_path / "broken", "cpu", every=5)
    assert resumed.step == straight.step == tiny.steps
    for name, value in straight.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_the_learning_rate_warms_up_and_cools_down():
    settings = curriculum.Settings(steps=100, decay=20, warmup=10, rate=1.0)
    rates = [curriculum.learning_rate(settings, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:80] == [1.0] * 70
    assert 0.02 <= rates[-1] < 0.05
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))


def test_no_two_steps_share_a_scene():
    settings = curriculum.Settings()
    for stage in chain(*curriculum.CURRICULA.values()):
        assert stage.rows * (2 if stage.kind == "pictures" else 1) <= 64
    first = curriculum.batch_of(ENCODER, settings, 0)
    second = curriculum.batch_of(ENCODER, settings, 1)
    assert not np.array_equal(first.pixels[:64], second.pixels[:64])


def test_a_broad_batch_has_more_rows_of_the_same_kind(tiny):
    broad = replace(tiny, breadth=3)
    few, many = (curriculum.batch_of(ENCODER, item, 7) for item in (tiny, broad))
    assert len(many.ids) == 3 * len(few.ids)
    assert many.grid == few.grid


def test_batches_are_the_same_whoever_makes_them():
    settings = curriculum.Settings(steps=7, breadth=1)
    own = list(curriculum.batches(settings, 4, 0))
    made = list(curriculum.batches(settings, 4, 1))
    assert len(own) == len(made) == 3
    for first, second in zip(own, made, strict=True):
        np.testing.assert_array_equal(first.pixels, second.pixels)
        np.testing.assert_array_equal(first.ids, second.ids)
