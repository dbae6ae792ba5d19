"""Claims of replies: what counts as yes, the figures by hand, and a whole run on POPE's format."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tam
from tam.cli import run
from tam.errors import InputError
from tam.evaluate.claims import answer_claims, says_yes
from tam.evaluate.invented_items import invented_items
from tam.evaluate.items import Claim
from tam.evaluate.journal import Block
from tam.evaluate.photo_items import photo_items
from tam.evaluate.plan import Plan
from tam.evaluate.runner import item_blocks
from tam.evaluate.scene_items import scene_items
from tam.evaluate.summary import summarize
from tam.evaluate.tagging import scene_tagger
from tam.evaluate.yes_no_items import yes_no_items
from tam.photo.pack import open_pack


@pytest.mark.parametrize(
    ("reply", "yes"),
    [
        ("Yes, there is a dog.", True),
        ("No, there is no dog.", False),
        ("There is not a dog. Yes.", False),
        ("A dog. No cat is there.", True),
        ("Nothing", True),
        ("NO", False),
        ("", True),
    ],
)
def test_a_reply_means_yes_or_no_as_in_pope(reply: str, yes: bool) -> None:
    assert says_yes(reply) is yes


def test_the_word_that_answers_is_the_claim() -> None:
    assert answer_claims("No, there is no dog.", yes=True) == [Claim(0, 2, False)]
    assert answer_claims("Oh yes, a dog.", yes=True) == [Claim(3, 6, True)]
    assert answer_claims("Yes. But no cat.", yes=False) == [Claim(0, 3, False)]
    assert answer_claims("A dog.", yes=True) == []


def block(
    name: str, claims: list[tuple[bool, float | None, float]], **figures: float | None
) -> Block:
    lines = [
        {"kind": "claim", "true": true, "grounding": grounding, "probability": probability}
        for true, grounding, probability in claims
    ]
    item = {"model": "m", "method": "a", "item": name, "split": "s", "targets": 0, "seconds": 0.0}
    return Block({**item, "obj_iou": [], "func_iou": [], **figures}, tuple(lines))


def test_figures_by_hand() -> None:
    found = [
        block("1", [(True, 0.9, 0.5), (False, 0.2, 0.5)], false_reply=1.0, yes_accuracy=1.0,
              yes_precision=1.0, yes_recall=1.0, yes_share=1.0),
        block("2", [(True, 0.1, 0.9), (True, None, 0.4)], false_reply=0.0, yes_accuracy=0.0,
              yes_precision=0.0, yes_recall=None, yes_share=1.0),
        block("3", [], false_reply=0.0, yes_accuracy=0.0, yes_precision=None, yes_recall=0.0,
              yes_share=0.0),
    ]  # fmt: skip
    [row] = summarize(found, ["a"])
    assert row.claims == 4
    values = {name: figure.value for name, figure in row.figures.items()}
    assert values["false_claims"] == pytest.approx(1 / 4)
    assert values["false_reply"] == pytest.approx(1 / 3)
    # True ones score 0.9 and 0.1 against 0.2; the unknown one is no pair.
    assert values["claim_grounding"] == pytest.approx(1 / 2)
    # 0.5, 0.9 and 0.4 against 0.5.
    assert values["claim_probability"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert values["yes_accuracy"] == pytest.approx(1 / 3)
    assert values["yes_precision"] == pytest.approx(1 / 2)
    assert values["yes_recall"] == pytest.approx(1 / 2)
    assert values["yes_f1"] == pytest.approx(1 / 2)
    assert values["yes_share"] == pytest.approx(2 / 3)


def test_claims_of_a_run_have_the_scores_that_its_explanation_shows() -> None:
    model = tam.load("small")
    [item] = invented_items("invented-unseen-noisy", 1, first=5)
    [found] = item_blocks(
        Plan(faithful_words=0), model, "small", ["activation"], item, scene_tagger()
    )
    lines = [line for line in found.words if line["kind"] == "claim"]
    shown = model.explain_conversation(item.conversation, **item.generation)
    assert shown.text == found.item["text"]
    judged = item.with_reply(shown.text)
    assert len(lines) == len(judged.claims) > 4
    assert any(not line["true"] for line in lines)
    assert found.item["false_reply"] == 1.0
    for line, claim in zip(lines, judged.claims, strict=True):
        [word] = [w for w in shown.words if w.span and w.span[0] <= claim.start < w.span[1]]
        assert line["word"] == shown.text[claim.start : claim.stop] == word.text
        assert line["grounding"] == pytest.approx(word.grounding, abs=1e-5)
        assert line["probability"] == pytest.approx(word.probability, rel=1e-4)


def test_nouns_of_composites_are_held_to_the_cut_outs() -> None:
    [item] = photo_items(open_pack(None), "two", 1)
    assert item.references == ("The picture shows a butterfly and an apple.",)
    text = "An apple and two butterflies in a valley, and a Komodo dragon."
    told = item.with_reply(text)
    assert [text[c.start : c.stop] for c in told.claims if c.true] == ["apple", "butterflies"]
    assert [text[start:stop] for start, stop in told.false_spans] == ["Komodo dragon"]
    [given] = photo_items(open_pack(None), "false", 1)
    assert given.answer is not None
    assert given.with_reply(given.answer) is given


@pytest.fixture
def pope(tmp_path: Path) -> Path:
    folder = tmp_path / "pope"
    (folder / "val2014").mkdir(parents=True)
    [item] = scene_items("one", 1)
    Image.fromarray(item.media[0].frames[0]).save(folder / "val2014" / "scene.png")
    color, shape = item.references[0].rstrip(".").split()[-2:]
    absent = "green" if color != "green" else "red"
    rows = [
        {"question_id": 1, "image": "scene.png", "text": f"Is there a {shape}?", "label": "yes"},
        {"question_id": 2, "image": "scene.png", "text": f"Is there a {absent} object?",
         "label": "no"},
    ]  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "coco_pope_random.json").write_text(text)
    return folder


def test_a_model_is_asked_the_questions_of_pope(
    pope: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = yes_no_items(pope)
    assert (first.split, first.yes, second.yes) == ("coco_pope_random", True, False)
    assert [item.name for item in yes_no_items(pope, count=1)] == [first.name]
    asked = ["evaluate", "--data", f"pope:{pope}", "--methods", "tam", "--out"]
    assert run([*asked, str(tmp_path / "out"), "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    figures = {name: figure["value"] for name, figure in row["figures"].items()}
    assert row["claims"] == 2
    assert figures["yes_accuracy"] == figures["yes_f1"] == 1.0
    assert figures["yes_share"] == 0.5
    assert figures["false_claims"] == 0.0
    assert "obj_iou" not in figures


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[1", "is not JSON lines"),
        (b'{"image": "a.png", "text": "x"}\n', "has no 'label'"),
        (b'{"image": "a.png", "text": "x", "label": "maybe"}\n', "has the label 'maybe'"),
        (b'{"image": "../a.png", "text": "x", "label": "yes"}\n', "lies outside it"),
        (b'{"image": "none.png", "text": "x", "label": "yes"}\n', "none.png"),
        (b"\xff", "is not text in UTF-8"),
        (None, "holds no questions"),
    ],
)
def test_questions_of_another_layout_are_told(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "pope.json").write_bytes(content)
    with pytest.raises(InputError, match=told):
        list(yes_no_items(tmp_path))


def test_scores_that_no_claim_has_are_left_out() -> None:
    [row] = summarize([block("1", [])], ["a"])
    assert row.claims == 0
    assert not np.any([name.startswith(("claim_", "false_", "yes_")) for name in row.figures])
