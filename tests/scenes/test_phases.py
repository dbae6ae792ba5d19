"""The phases of training: what each one trains, its supervision, and how phases are chained."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tam.scenes.training import curriculum, phases
from tam.scenes.training import train as trainer
from tam.scenes.training.network import new_model
from tam.scenes.world import COLORS, SHAPES
from tests.scenes.batches import ENCODER, TOKENIZER, training_batch

_batch = partial(training_batch, masks=True)


def _losses(model, batch, **settings):
    with torch.no_grad():
        given = curriculum.Settings(bfloat16=False, **settings)
        return torch.stack(phases.losses(model, ENCODER, batch, given))


def _noise(values):
    return np.random.default_rng(0).permutation(values.ravel()).reshape(values.shape)


@pytest.fixture(scope="module")
def model():
    return new_model(TOKENIZER, 0).eval()


def test_language_and_tower_share_the_parameters_between_them(model):
    names = [name for name, _ in model.named_parameters()]
    trained = {
        phase: {name for name in names if phases.is_trained(phase, name)}
        for phase in curriculum.RECIPES
    }
    assert trained["whole"] == set(names)
    assert trained["language"] | trained["tower"] == set(names)
    assert not trained["language"] & trained["tower"]
    assert trained["alignment"] == trained["tower"]
    assert {"lm_head.weight", "model.language_model.embed_tokens.weight"} <= trained["language"]


@pytest.mark.parametrize("kind", ["picture", "pictures", "clip"])
def test_a_picture_as_text_has_the_words_of_its_cells(kind):
    batch = _batch(kind=kind, count=12)
    assert batch.cell_tokens.shape == batch.cell_words.shape[:2] == (12, len(batch.vision))
    place = {token: at for at, token in enumerate(ENCODER.word_tokens)}
    first = [kind in (0, 1) for kind in ENCODER.word_kinds]
    told = {0: 0, 1: 0}
    cells = batch.cell_words.reshape(batch.cell_tokens.size, -1)
    for token, words in zip(batch.cell_tokens.ravel(), cells, strict=True):
        if not words.any():
            assert token == ENCODER.background
            continue
        assert words[place[token]]
        assert first[place[token]]
        told[ENCODER.word_kinds[place[token]]] += 1
    # Colors and shapes are drawn about equally often.
    assert min(told.values()) > 0.4 * sum(told.values()) > 20


def test_without_masks_there_is_no_picture_as_text():
    assert _batch(masks=False).cell_tokens is None


def test_the_language_phase_reads_text_and_never_the_picture(model):
    batch = _batch()
    losses = _losses(model, batch, phase="language")
    blind = replace(batch, pixels=_noise(batch.pixels))
    torch.testing.assert_close(_losses(model, blind, phase="language"), losses, rtol=0, atol=0)
    other = replace(batch, cell_tokens=np.full_like(batch.cell_tokens, ENCODER.background))
    assert (_losses(model, other, phase="language") != losses).all()
    with pytest.raises(ValueError, match="masks=True"):
        _losses(model, _batch(masks=False), phase="language")


def test_the_alignment_phase_knows_the_answers_alone(model):
    """The loss does not depend on which words are true of a picture, nor on where they are."""
    batch = _batch()
    said, nothing = _losses(model, batch, phase="alignment")
    assert said > 0
    assert nothing == 0
    words = {
        name: _noise(getattr(batch, name))
        for name in ("true_words", "true_pairs", "cell_words", "cell_tokens")
    }
    again = _losses(model, replace(batch, **words), phase="alignment")
    torch.testing.assert_close(again, torch.stack([said, nothing]), rtol=0, atol=0)
    assert _losses(model, replace(batch, pixels=_noise(batch.pixels)), phase="alignment")[0] != said


def test_the_tower_phase_tells_color_and_shape_from_the_mean_of_the_cells(model, monkeypatch):
    """Hand-computed cases: the right channels dominate, wrong ones do, or all are equal."""
    batch = _batch(first=0, count=3, objects=(1, 1))  # the first scene is empty
    pairs = batch.true_pairs[:, 0]
    assert [pair.sum() for pair in pairs] == [0, 1, 1]
    right = torch.zeros(3, 63, 160)
    for row in (1, 2):
        color, shape = np.argwhere(pairs[row])[0]
        right[row, :, color] = right[row, :, len(COLORS) + shape] = 30
    for handed, color, shape in (
        (right, 0.0, 0.0),
        (torch.zeros(3, 63, 160), np.log(len(COLORS)), np.log(len(SHAPES))),
        (-right, 30 + np.log(7), 30 + np.log(5)),
    ):
        monkeypatch.setattr(phases, "vision_features", lambda *_, seen=handed: seen)
        losses = _losses(model, batch, phase="tower")
        np.testing.assert_allclose(losses, [color, shape], atol=1e-3)


@pytest.mark.parametrize("phase", ["language", "tower", "alignment"])
def test_each_phase_lowers_its_loss_and_leaves_the_rest_alone(tiny, phase):
    settings = replace(tiny, phase=phase, steps=24)
    run = trainer.start(settings, "cpu")
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    sums = [
        trainer.advance(run, ENCODER, batch).sum().item()
        for batch in curriculum.batches(settings, 0, 0)
    ]
    assert np.mean(sums[-4:]) < np.mean(sums[:4])
    for name, value in run.model.named_parameters():
        assert torch.equal(value, before[name]) != phases.is_trained(phase, name), name


def test_alignment_goes_on_from_the_language_model_and_the_tower(tiny, tmp_path):
    for phase in ("language", "tower"):
        trainer.train(replace(tiny, phase=phase, steps=2), tmp_path / phase, "cpu")
    earlier = [tmp_path / phase for phase in ("language", "tower")]
    run = trainer.start(replace(tiny, phase="alignment"), "cpu", earlier)
    parts = [trainer.resume(replace(tiny, phase=item.name), item, "cpu").model for item in earlier]
    language, tower = (dict(part.named_parameters()) for part in parts)
    for name, value in run.model.named_parameters():
        source = tower if phases.is_trained("tower", name) else language
        assert torch.equal(value, source[name]), name
    # A single phase would have left the other part at its random initialization.
    drawn = dict(new_model(TOKENIZER, tiny.seed).named_parameters())
    assert not torch.equal(drawn["lm_head.weight"], language["lm_head.weight"])


def test_the_command_line_trains_all_phases_of_a_model(tiny, monkeypatch, tmp_path, capsys):
    for phase, recipe in curriculum.RECIPES.items():
        monkeypatch.setitem(curriculum.RECIPES, phase, replace(recipe, warmup=1, decay=1))
    out = ["--out", str(tmp_path), "--device", "cpu"]
    trainer.main(["--model", "small-aligned", "--steps", "2", *out])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["phase"] for line in lines] == ["language", "tower", "alignment"]
    assert all(line["step"] == 2 for line in lines)
    assert (tmp_path / "alignment" / "model" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "small", "--phase", "tower"], "small has the phases whole"),
        (["--model", "small-aligned", "--phase", "alignment"], "begins with"),
    ],
)
def test_the_command_line_refuses_a_phase_that_cannot_be(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit):
        trainer.main([*arguments, "--out", str(tmp_path)])
    assert said in capsys.readouterr().err
