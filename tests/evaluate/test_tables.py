"""What the tables claim, and what they do not."""

from tam.evaluate.journal import Block
from tam.evaluate.summary import summarize
from tam.evaluate.tables import markdown


def block(method: str, item: int, value: float) -> Block:
    line = {
        "model": "m",
        "method": method,
        "item": f"i{item:02d}",
        "split": "one",
        "seconds": 0.1,
        "targets": 2,
        "obj_iou": [value],
        "func_iou": [value],
        "precision": [value],
        "recall": [value],
    }
    return Block(line, ({"pointing": value, "deletion": value},))


def table(items: int) -> list[str]:
    found = [block("good", item, 0.5 + item / 100) for item in range(items)]
    found += [block("bad", item, 0.2 + item / 90) for item in range(items)]
    text = markdown(summarize(found, ["good", "bad"]), "good", "none")
    return [line for line in text.splitlines() if line.startswith("| bad")]


def test_a_steady_difference_is_marked_by_its_sense() -> None:
    [row] = table(8)
    cells = row.split("|")
    assert "▼" in cells[2]  # F1-IoU
    assert "▲" in cells[-3]  # deletion, of which less is better


def test_of_a_handful_of_items_nothing_is_claimed() -> None:
    """Of one item every resample is that item, so its interval holds one value."""
    for items in (1, 2, 5):
        [row] = table(items)
        assert "▲" not in row
        assert "▼" not in row


def test_only_items_that_have_the_measure_count() -> None:
    """Few items have a false word, however many there are."""
    found = []
    for item in range(8):
        for method, value in (("good", 0.1), ("bad", 0.9)):
            plain = block(method, item, value)
            false = {"correction_region": value, "correction_success": 1 - value}
            found.append(Block(plain.item, (*plain.words, *([false] if item < 5 else ()))))
    rows = summarize(found, ["good", "bad"])
    assert {(row.items, row.false_words) for row in rows} == {(8, 5)}
    text = markdown(rows, "good", "none")
    assert "8 items, 8 words with a mask, 5 false words" in text
    cells = next(line for line in text.splitlines() if line.startswith("| bad")).split("|")
    header = next(line for line in text.splitlines() if line.startswith("| method")).split("|")
    assert "90.0" in cells[header.index(" AMCR ↓ ")]
    assert "▼" not in cells[header.index(" AMCR ↓ ")]
    assert "▼" in cells[header.index(" deletion ↓ ")]


def test_time_is_that_of_items_with_something_to_explain() -> None:
    found = [block("good", item, 0.5) for item in range(3)]
    for one in found[:2]:
        one.item.update(targets=0, seconds=9.0)
    [row] = summarize(found, ["good"])
    assert row.seconds_per_word == 0.05
    found[2].item["targets"] = 0
    [row] = summarize(found, ["good"])
    assert row.seconds_per_word is None
    assert "| – |" in markdown([row], "good", "none")
