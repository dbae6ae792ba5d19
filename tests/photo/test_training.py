from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from tam.photo.training.alignment import Words
from tam.photo.training.evidence import shown_nouns
from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.speaking import Material, Progress, SpeakingSettings, answer_loss, speak
from tam.photo.training.start import Projector

WIDTH, HIDDEN, CELLS = 12, 16, 9


def material() -> Material:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, CELLS, WIDTH, generator=generator).half()
    nouns = (("owl",), ("cat",), (), ("owl", "cat"), ("cat",), ())
    words = Words(("owl", "cat", "dog"), torch.eye(HIDDEN)[:3] * 3, torch.zeros(HIDDEN))
    cells = features.flatten(0, 1).float()
    sampler = Sampler(cells, torch.randn(5, WIDTH, generator=generator), 1.0)
    return Material(Pool(features, nouns), sampler, {"owl": (0, 2), "cat": (4,)}, words)


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


SETTINGS = SpeakingSettings(steps=6, pictures=4, cells=4, whole=0.34, rate=1e-2)


def test_a_token_carries_the_nearest_word() -> None:
    words = material().words
    tokens = torch.stack([words.vectors[1], words.neutral, 0.9 * words.vectors[0]])
    assert words.carried(tokens).argmax(-1).tolist() == [1, 3, 0]


def test_samples_prefer_their_class_and_stay_in_the_range_of_real_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(500, WIDTH, generator=generator)
    classifier = torch.randn(6, WIDTH, generator=generator)
    centred = classifier - classifier.mean(0)
    drawn = Sampler(cells, classifier, 0.2).draw(3, 100, generator)
    before = (cells @ centred.T)[:, 3].topk(200).values.mean()
    assert (drawn @ centred.T)[:, 3].mean() > before + 0.2
    assert (drawn >= cells.amin(0)).all()
    assert (drawn <= cells.amax(0)).all()


def test_a_cell_shows_the_noun_that_it_speaks_for_most() -> None:
    evidence = torch.tensor([[8.0, 0.0, 9.0], [7.0, 6.0, 9.0], [1.0, 1.0, 9.0], [2.0, 10.0, 9.0]])
    assert shown_nouns(evidence, [0, 1], lit=1.5, share=0.4).tolist() == [0, 0, -1, 1]
    assert shown_nouns(evidence, [], lit=1.5, share=0.4).tolist() == [-1] * 4


def test_the_loss_is_that_of_the_answer_alone() -> None:
    model = language()
    picture = torch.randn(3, HIDDEN)
    loss = answer_loss(model, letters, [picture], [("What?", "Cat")])
    embed = model.get_input_embeddings()
    before = torch.tensor(list(b"<|im_start|>user\n"))
    between = torch.tensor(list(b"\nWhat?<|im_end|>\n<|im_start|>assistant\n"))
    told = torch.tensor(list(b"Cat<|im_end|>"))
    inputs = torch.cat([embed(before), picture, embed(between), embed(told)])[None]
    logits = model(inputs_embeds=inputs).logits[0, -len(told) - 1 : -1]
    assert float(loss) == pytest.approx(float(nn.functional.cross_entropy(logits, told)), rel=1e-5)


def test_padding_changes_nothing() -> None:
    model, pictures = language(), [torch.randn(3, HIDDEN) for _ in range(2)]
    asked = [("What?", "A cat."), ("Is there a cat in the picture?", "No")]
    both = answer_loss(model, letters, pictures, asked)
    lengths = [len(answer) + len("<|im_end|>") for _, answer in asked]
    single = [
        float(answer_loss(model, letters, [p], [a])) for p, a in zip(pictures, asked, strict=True)
    ]
    expected = sum(n * x for n, x in zip(lengths, single, strict=True)) / sum(lengths)
    assert float(both) == pytest.approx(expected, rel=1e-5)


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
