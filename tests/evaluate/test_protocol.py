"""The published measures: real runs of the published code, and cases worked out by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from rouge import Rouge

from tam.evaluate.protocol import (
    CaptionGrades,
    f1_iou,
    grade_caption,
    split_words,
    word_classes,
)
from tam.evaluate.text_overlap import rouge_l

GOLDENS = sorted((Path(__file__).parent / "goldens").glob("*.npz"))


def golden_lemma(word: str) -> str:
    return word[:-1] if word.endswith("s") and word != "grass" else word


def graded(file: Path) -> tuple[dict[str, np.ndarray], CaptionGrades]:
    with np.load(file, allow_pickle=False) as opened:
        golden = dict(opened)
    categories = dict(
        zip(golden["category_names"].tolist(), golden["category_ids"].tolist(), strict=True)
    )
    words = golden["words"].tolist()
    classes = word_classes(words, golden["word_types"].tolist(), categories, golden_lemma)
    mask = golden["mask"]
    masks = {number: mask == number for number in categories.values()}
    tokens = json.loads(str(golden["word_tokens"]))
    return golden, grade_caption(golden["maps"], tokens, classes, masks, mask.shape)


def test_there_are_golden_files() -> None:
    assert len(GOLDENS) >= 3


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: file.stem)
def test_the_published_figures_come_out(file: Path) -> None:
    golden, grades = graded(file)
    assert [grade.iou for grade in grades.objects] == pytest.approx(golden["obj_iou"], abs=1e-6)
    assert [grade.precision for grade in grades.objects] == pytest.approx(
        golden["precision"], abs=1e-6, nan_ok=True
    )
    assert [grade.recall for grade in grades.objects] == pytest.approx(golden["recall"], abs=1e-6)
    assert [value for _, value in grades.functions] == pytest.approx(golden["func_iou"], abs=1e-6)
    text = "".join(golden["tokens"].tolist())
    assert rouge_l(text, golden["references"].tolist()) == pytest.approx(
        golden["rouge_l"][0], abs=1e-4
    )


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: file.stem)
def test_words_are_split_as_published(file: Path) -> None:
    golden, _ = graded(file)
    words, tokens = split_words(golden["tokens"].tolist())
    assert words == golden["words"].tolist()
    assert tokens == json.loads(str(golden["word_tokens"]))


def test_words_of_chinese_and_punctuation_stand_alone() -> None:
    assert split_words(["红", "球", ".", " x", "y"])[0] == ["红", "球", ".", "xy"]


def test_the_last_category_that_fits_counts() -> None:
    def classes(names: list[str]) -> list[int]:
        categories = {name: number for number, name in enumerate(names, 1)}
        return word_classes(
            ["Dogs", "a", "cat", "red"],
            ["noun", "function", "noun", "others"],
            categories,
            golden_lemma,
        )

    assert classes(["hot dog", "dog"]) == [2, -2, -1, -3]
    assert classes(["dog", "hot dog"]) == [2, -2, -1, -3]


SQUARE = np.zeros((4, 4), np.uint8)
SQUARE[1:3, 1:3] = 200
HALF = np.zeros((4, 4), np.uint8)
HALF[1:3, 1] = 200
DARK = np.zeros((4, 4), np.uint8)
MASKS = {1: SQUARE > 0, 2: SQUARE == 0, 3: np.zeros((4, 4), bool)}


def test_a_word_takes_its_best_token() -> None:
    grades = grade_caption([HALF, SQUARE], [[0, 1]], [1], MASKS, (4, 4))
    (only,) = grades.objects
    assert (only.iou, only.precision, only.recall) == (1, 1, 1)


def test_precision_and_recall_follow_the_map() -> None:
    (only,) = grade_caption([HALF], [[0]], [1], MASKS, (4, 4)).objects
    assert (only.iou, only.precision, only.recall) == (0.5, 1.0, 0.5)


def test_neighbours_of_one_class_merge_into_the_better_one() -> None:
    maps = [HALF, SQUARE, SQUARE]
    tokens = [[0], [1], [2]]
    assert [g.iou for g in grade_caption(maps, tokens, [1, 1, 1], MASKS, (4, 4)).objects] == [1]
    apart = grade_caption(maps, tokens, [1, -3, 1], MASKS, (4, 4))
    assert [grade.iou for grade in apart.objects] == [0.5, 1]
    other = grade_caption(maps, tokens, [1, 2, 1], MASKS, (4, 4))
    assert len(other.objects) == 3


def test_a_repeated_class_that_is_not_shown_merges_the_two_before_as_published() -> None:
    maps, tokens = [HALF, SQUARE, DARK, DARK], [[0], [1], [2], [3]]
    grades = grade_caption(maps, tokens, [1, 2, 3, 3], MASKS, (4, 4))
    assert [grade.iou for grade in grades.objects] == [0.5]


def test_a_map_that_covers_nothing_has_no_precision() -> None:
    (only,) = grade_caption([DARK], [[0]], [1], MASKS, (4, 4)).objects
    assert only.iou == only.recall == 0
    assert math.isnan(only.precision)


def test_function_words_are_compared_with_the_mean_noun_threshold() -> None:
    dim = np.full((2, 2), 90, np.uint8)
    dim[0, 0] = 120
    split = np.array([[0, 200], [0, 200]], np.uint8)  # Otsu's threshold is 0
    noun = np.array([[100, 200], [100, 200]], np.uint8)  # and 100 here
    maps, masks = [split, noun, dim], {1: split > 0}
    grades = grade_caption(maps, [[0], [1], [2]], [1, -1, -2], masks, (2, 2))
    assert grades.functions == ((2, 0.0),)
    assert grade_caption(maps, [[0], [1], [2]], [-3, -1, -2], masks, (2, 2)).functions == (
        (2, 0.75),
    )
    assert grade_caption(maps, [[0], [1], [2]], [-3, -3, -2], masks, (2, 2)).functions == ()


def test_f1_iou_is_the_harmonic_mean() -> None:
    assert f1_iou(0.274, 0.684) == pytest.approx(0.391, abs=5e-4)  # a published row
    assert f1_iou(0, 0) == 0


TEXTS = [
    "A small red circle and a large blue star. The red circle is above the blue star.",
    "a a a. b a",
    "one two. three four. five",
    "two one three. four six",
    "The star is blue. ",
    "no common word",
    "the the cat sat.on the mat. the",
]


@pytest.mark.parametrize("text", TEXTS)
def test_rouge_l_is_the_package_s(text: str) -> None:
    scores = [Rouge().get_scores(text, other)[0]["rouge-l"]["f"] for other in TEXTS]
    assert [rouge_l(text, [other]) for other in TEXTS] == pytest.approx(scores, abs=1e-9)
    assert rouge_l(text, TEXTS[:3]) == pytest.approx(max(scores[:3]), abs=1e-9)


def test_rouge_l_of_nothing_is_zero() -> None:
    assert rouge_l("", ["a dog"]) == rouge_l("a dog", []) == rouge_l("...", ["a dog"]) == 0
