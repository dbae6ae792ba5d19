"""Taggers: exact on the scenes, sensible without NLTK's data, and honest about who tagged."""

import pytest

from tam.errors import SetupError
from tam.evaluate import tagging
from tam.evaluate.tagging import best_tagger, closed_class_tagger, nltk_tagger, scene_tagger
from tam.evaluate.text_overlap import meteor
from tam.scenes.language import caption
from tam.scenes.world import COLORS, SHAPES, make_scene, split_seed


def test_the_scene_lexicon_knows_every_word_of_the_captions() -> None:
    tagger = scene_tagger()
    assert tagger.name == "scene lexicon"
    seen = {"noun": set[str](), "function": set[str](), "others": set[str]()}
    for index in range(60):
        text = caption(make_scene(split_seed("test", index)))
        for word in text.replace(".", " .").replace(",", " ,").split():
            seen[tagger.kind(word)].add(word.lower())
    assert seen["noun"] == {*COLORS, *SHAPES}
    assert seen["function"] == {"a", "and", "the"}
    assert {"is", "left", "above", "small", ".", ","} <= seen["others"]
    assert tagger.kind("Circles") == "noun"
    assert tagger.lemma("crosses") == "cross"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("dog", "noun"),
        ("The", "function"),
        ("and", "function"),
        ("on", "others"),
        (",", "others"),
        ("Two", "others"),
        ("", "others"),
        ("whose", "function"),
    ],
)
def test_the_closed_class_lists(word: str, kind: str) -> None:
    assert closed_class_tagger().kind(word) == kind


@pytest.mark.parametrize(
    ("plural", "base"),
    [
        ("dogs", "dog"),
        ("boxes", "box"),
        ("benches", "bench"),
        ("ponies", "pony"),
        ("dishes", "dish"),
        ("grass", "grass"),
        ("bus", "bus"),
        ("tennis", "tennis"),
        ("glasses", "glass"),
        ("as", "as"),
    ],
)
def test_plurals_lose_their_ending(plural: str, base: str) -> None:
    assert closed_class_tagger().lemma(plural) == base


def test_without_nltk_s_data_the_lists_stand_in_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tagging, "has_nltk_data", lambda _place: False)
    with pytest.raises(SetupError, match="averaged_perceptron_tagger_eng, wordnet"):
        nltk_tagger()
    assert best_tagger().name == "closed-class lexicon"


def test_meteor_is_left_out_where_its_data_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tam.evaluate.text_overlap.has_nltk_data", lambda _place: False)
    assert meteor("a dog", ["a dog"]) is None
