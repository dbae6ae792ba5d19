from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from tam.photo.training.alignment import (
    AlignmentSettings,
    align,
    carried,
    naming_loss,
    teaching_loss,
)
from tam.photo.training.evidence import Evidence
from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.speaking import (
    Material,
    Progress,
    SpeakingSettings,
    answer_loss,
    sampled_pictures,
    some_cells,
    speak,
)
from tam.photo.training.start import Projector, first_projector
from tam.photo.training.teacher import Teacher, Words, teacher_for
from tam.photo.vocabulary import Name, names

WIDTH, HIDDEN, CELLS = 12, 16, 9


def pool() -> Pool:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, CELLS, WIDTH, generator=generator).half()
    return Pool(features, (("owl",), ("cat",), (), ("owl", "cat"), ("cat",), ()))


def sampler(seed: int = 0) -> Sampler:
    generator = torch.Generator().manual_seed(seed)
    cells = torch.rand(500, WIDTH, generator=generator)
    weight = torch.randn(1000, WIDTH, generator=generator)
    return Sampler(cells, weight, torch.randn(1000, generator=generator))


def a_teacher() -> Teacher:
    """Three classes, two of which have a noun, for cells whose features are the scores."""
    words = Words(("owl", "cat"), torch.eye(HIDDEN)[:2] * 3, torch.full((HIDDEN,), 0.1))
    known = (Name("owl", (0,), True), Name("cat", (2,), True))
    return teacher_for(torch.eye(3), torch.zeros(3), known, words)


def material() -> Material:
    words = Words(("owl", "cat", "dog"), torch.eye(HIDDEN)[:3] * 3, torch.full((HIDDEN,), 0.1))
    known = tuple(
        Name(noun, tuple(range(place, 1000, 3)), True) for place, noun in enumerate(words.nouns)
    )
    weight = torch.randn(1000, WIDTH, generator=torch.Generator().manual_seed(2))
    return Material(pool(), sampler(), teacher_for(weight, torch.zeros(1000), known, words))


def language() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=256,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def letters(text: str, add_special_tokens: bool) -> SimpleNamespace:
    assert not add_special_tokens
    return SimpleNamespace(input_ids=list(text.encode()))


def begun() -> tuple[Projector, Progress]:
    torch.manual_seed(1)
    projector = Projector(WIDTH, HIDDEN)
    return projector, Progress(0, torch.optim.Adam(projector.parameters(), 1e-2))


SETTINGS = SpeakingSettings(steps=6, pictures=4, rate=1e-2)


def test_a_token_carries_the_nearest_word() -> None:
    words = a_teacher().words
    tokens = torch.stack([words.vectors[1], words.neutral, 0.9 * words.vectors[0]])
    assert carried(tokens, words).argmax(-1).tolist() == [1, 2, 0]


def test_the_teacher_mixes_the_embeddings_of_what_its_classifier_is_sure_of() -> None:
    teacher = a_teacher()
    scores = torch.tensor([[20.0, 0, 0], [0, 0, 20.0], [0, 20.0, 0], [0.0, 9.0, 9.0]])
    tokens = teacher.tokens(scores)
    owl, cat = teacher.words.vectors
    neutral = teacher.words.neutral
    expected = torch.stack([owl, cat, neutral, (cat + neutral) / 2])
    assert torch.allclose(tokens, expected, atol=1e-3)
    # A noun of one cell in ten is not one that the cell shows.
    unsure = torch.log(torch.tensor([[0.1, 0.8, 0.1]]))
    assert torch.allclose(teacher.tokens(unsure), neutral[None], atol=1e-6)


def test_samples_prefer_their_class_by_the_margin_and_stay_in_the_range_of_real_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    cells = torch.randn(4000, WIDTH, generator=generator) * 3
    weight, bias = torch.randn(6, WIDTH, generator=generator), torch.zeros(6)
    classes = torch.arange(6).repeat(20)
    margins = torch.linspace(0.1, 1.0, len(classes))
    drawn = Sampler(cells, weight, bias).draw(classes, margins, generator)
    scores = drawn @ weight.T
    own = scores.gather(1, classes[:, None])[:, 0]
    others = scores.scatter(1, classes[:, None], -torch.inf).amax(1)
    inside = ((drawn > cells.amin(0)) & (drawn < cells.amax(0))).all(1)
    assert inside.float().mean() > 0.5
    assert (own - others >= margins - 1e-3)[inside].float().mean() > 0.95
    assert (drawn >= cells.amin(0)).all()
    assert (drawn <= cells.amax(0)).all()


@pytest.mark.parametrize(("two", "numbers"), [(0.0, {1}), (0.5, {1, 2}), (1.0, {2})])
def test_a_sampled_picture_shows_its_nouns_from_left_to_right(
    two: float, numbers: set[int]
) -> None:
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    cells = torch.randn(500, 40, generator=generator)
    weight, bias = torch.randn(1000, 40, generator=generator), torch.zeros(1000)
    ground = Pool(torch.randn(1, 100, 40, generator=generator).half(), ((),))
    sampler = Sampler(cells, weight, bias)
    pictures, shown = sampled_pictures(ground, sampler, 30, rng, generator, two=two)
    changed = (pictures != ground.features.float()).any(-1).view(30, 10, 10)
    assert {len(nouns) for nouns in shown} == numbers
    for places, nouns in zip(changed, shown, strict=True):
        assert 0 < places.sum() < 100
        if len(nouns) == 2:
            assert places[:, :5].any()
            assert places[:, 5:].any()


def test_faint_samples_are_moved_less() -> None:
    cells = torch.randn(500, 40, generator=torch.Generator().manual_seed(0))
    weight, bias = (
        torch.randn(1000, 40, generator=torch.Generator().manual_seed(1)),
        torch.zeros(1000),
    )
    ground = Pool(torch.randn(1, 100, 40).half(), ((),))

    def lead(faintest: float) -> float:
        """The mean margin of the named class over all others, at the cells of the object."""
        rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
        sampler = Sampler(cells, weight, bias)
        pictures, shown = sampled_pictures(
            ground, sampler, 20, rng, generator, two=0.0, faintest=faintest
        )
        classes = {name.noun: list(name.classes) for name in names()}
        scores = pictures @ (weight - weight.mean(0)).T
        own = torch.stack([s[:, classes[n[0]]].amax(1) for s, n in zip(scores, shown, strict=True)])
        changed = (pictures != ground.features.float()).any(-1)
        return float((own - scores.amax(2))[changed].mean())

    assert lead(-4.0) < lead(1.0) - 0.5


def test_the_naming_loss_asks_for_the_best_cells_of_each_noun() -> None:
    words = a_teacher().words
    picture = torch.stack([words.vectors[0]] * 3 + [words.neutral] * 6)[None]
    both = torch.tensor([[True, True]])
    assert float(naming_loss(picture, both[:, [1, 0]] & False, words)) == 0
    owl = float(naming_loss(picture, torch.tensor([[True, False]]), words))
    assert owl < 0.05
    assert float(naming_loss(picture, both, words)) > owl + 1


def test_the_first_weights_already_answer_as_the_teacher() -> None:
    teacher = a_teacher()
    generator = torch.Generator().manual_seed(0)
    cells = torch.randn(3000, 3, generator=generator) * 6
    evidence = Evidence(("owl", "cat"), torch.eye(3)[[0, 2]], torch.zeros(2))
    empty = Pool(torch.zeros(0, CELLS, 3), ())
    projector = first_projector(evidence, empty, teacher, cells, HIDDEN, 0)
    wanted = teacher.tokens(cells)
    error = (projector(cells) - wanted).square().sum(1).mean()
    assert error < 0.5 * (wanted - wanted.mean(0)).square().sum(1).mean()


def test_alignment_brings_cells_nearer_to_the_teacher() -> None:
    projector = Projector(WIDTH, HIDDEN)
    words = Words(("owl", "cat"), torch.eye(HIDDEN)[:2] * 3, torch.zeros(HIDDEN))
    weight = torch.randn(1000, WIDTH, generator=torch.Generator().manual_seed(1))
    known = (Name("owl", tuple(range(500)), True), Name("cat", tuple(range(500, 1000)), True))
    teacher = teacher_for(weight, torch.zeros(1000), known, words)
    losses: list[float] = []
    align(
        projector,
        pool(),
        sampler(),
        teacher,
        AlignmentSettings(steps=40, cells=64, pictures=4, rate=1e-2),
        lambda _, loss: losses.append(loss),
    )
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_the_loss_is_that_of_the_answer_alone() -> None:
    model = language()
    picture = torch.randn(3, HIDDEN)
    loss = answer_loss(model, letters, picture[None], [("What?", "Cat")])
    embed = model.get_input_embeddings()
    before = torch.tensor(list(b"<|im_start|>user\n"))
    between = torch.tensor(list(b"\nWhat?<|im_end|>\n<|im_start|>assistant\n"))
    told = torch.tensor(list(b"Cat<|im_end|>"))
    inputs = torch.cat([embed(before), picture, embed(between), embed(told)])[None]
    logits = model(inputs_embeds=inputs).logits[0, -len(told) - 1 : -1]
    assert float(loss) == pytest.approx(float(nn.functional.cross_entropy(logits, told)), rel=1e-5)


def test_padding_changes_nothing() -> None:
    model, pictures = language(), torch.randn(2, 3, HIDDEN)
    asked = [("What?", "A cat."), ("Is there a cat in the picture?", "No")]
    both = answer_loss(model, letters, pictures, asked)
    lengths = [len(answer) + len("<|im_end|>") for _, answer in asked]
    single = [
        float(answer_loss(model, letters, p[None], [a]))
        for p, a in zip(pictures, asked, strict=True)
    ]
    expected = sum(n * x for n, x in zip(lengths, single, strict=True)) / sum(lengths)
    assert float(both) == pytest.approx(expected, rel=1e-5)


def test_questions_about_one_picture_share_its_tokens_and_nothing_else() -> None:
    model, pictures = language(), torch.randn(2, 3, HIDDEN, requires_grad=True)
    asked = [("What?", "A cat."), ("Who?", "It is Ann."), ("Where?", "Here."), ("Why?", "Hm.")]
    together = answer_loss(model, letters, pictures, asked)
    apart = answer_loss(model, letters, pictures.repeat_interleave(2, 0), asked)
    assert float(together.detach()) == pytest.approx(float(apart.detach()), rel=1e-5)
    [gradient] = torch.autograd.grad(together, pictures)
    [expected] = torch.autograd.grad(apart, pictures)
    assert expected.abs().amin(2).min() > 0
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_some_cells_of_a_picture_are_shown_in_their_order() -> None:
    pictures = torch.arange(2 * 9.0).view(2, 9, 1)
    generator = torch.Generator().manual_seed(0)
    shown = some_cells(pictures, 4, generator)
    assert shown.shape == (2, 4, 1)
    for row, whole in zip(shown[..., 0].tolist(), pictures[..., 0].tolist(), strict=True):
        assert row == sorted(set(row) & set(whole))
        assert len(row) == 4
    drawn = torch.cat([some_cells(pictures, 4, generator)[0, :, 0] for _ in range(30)])
    assert set(drawn.tolist()) == set(range(9))


def test_the_last_tenth_of_the_steps_shows_all_cells() -> None:
    projector, progress = begun()
    seen: list[int] = []
    projector.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[1]))
    settings = replace(SETTINGS, steps=10, asked=2, cells=4)
    speak(projector, language(), letters, material(), settings, progress, lambda *_: None)
    assert seen == [4] * 9 + [CELLS]


def test_the_classifier_goes_on_teaching_single_cells() -> None:
    given = material()
    cells = given.pool.features.flatten(0, 1).float()
    told = given.teacher.told(cells)
    assert torch.allclose(told.sum(1), torch.ones(len(cells)))
    losses = []
    for taught in (0, 64):
        projector, progress = begun()
        settings = replace(SETTINGS, steps=40, pictures=1, taught=taught)
        speak(projector, language(), letters, given, settings, progress, lambda *_: None)
        losses.append(float(teaching_loss(projector(cells), told, given.teacher.words).detach()))
    without, taught_too = losses
    assert taught_too < 0.7 * without


def test_teaching_asks_for_the_nouns_in_their_shares() -> None:
    words = a_teacher().words
    owl, cat = words.vectors
    told = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    half = teaching_loss(torch.stack([(owl + cat) / 2, words.neutral]), told, words)
    owl_alone = teaching_loss(torch.stack([owl, words.neutral]), told, words)
    # Halfway between both, each is carried with the same probability; the neutral token gets some.
    own = carried(torch.stack([(owl + cat) / 2, words.neutral]), words)
    assert float(half) == pytest.approx(float(-(own[0, 0].log() + own[1, 2].log()) / 2))
    assert half < owl_alone


def test_an_interrupted_training_goes_on_as_it_would_have() -> None:
    whole, progress = begun()
    losses: list[float] = []
    speak(whole, language(), letters, material(), SETTINGS, progress, lambda _, x: losses.append(x))
    assert len(losses) == 6
    parts, progress = begun()

    class HaltError(Exception):
        pass

    def stop(step: int, _loss: float) -> None:
        if step == 3:
            raise HaltError

    with pytest.raises(HaltError):
        speak(parts, language(), letters, material(), SETTINGS, progress, stop)
    speak(parts, language(), letters, material(), SETTINGS, progress, lambda *_: None)
    for first, second in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(first, second)
