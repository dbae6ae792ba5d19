"""The page of results says what was measured: where tam loses, and whether tam-plus is enough."""

import json

from benchmarks.methods import COMPARED, line_by_line, told
from tam.evaluate.journal import Block
from tam.evaluate.summary import summarize


def block(method: str, item: int, value: float, seconds: float) -> Block:
    values = {"obj_iou": value, "func_iou": value, "precision": value, "recall": value}
    line = {
        "model": "small",
        "method": method,
        "item": f"i{item:02d}",
        "split": ("one", "many")[item % 2],
        "seconds": seconds,
        "targets": 2,
        **{name: [number + item / 1000] for name, number in values.items()},
    }
    word = {"pointing": value, "insertion": value, "deletion": 1 - value}
    return Block(line, (word,))


def page(plus: float, seconds: float) -> str:
    values = {"tam": 0.5, "tam-plus": plus, "activation": 0.4, "eci": 0.5, "rgf": 0.6}
    found = [
        block(method, item, values[method], seconds if method == "tam-plus" else 0.1)
        for method in COMPARED
        for item in range(8)
    ]
    rows = summarize(found, COMPARED)
    return told("python -m benchmarks.methods", rows, rows)


def test_what_is_enough_is_said_to_be() -> None:
    text = page(0.6, 0.2)
    assert "- F1-IoU: to tam-plus, rgf" in text
    assert "- deletion: to tam-plus, rgf" in text
    assert "| +10.0 [+10.0, +10.0] | +5 | yes |" in text
    assert text.count("| yes |") == 4
    assert "| no |" not in text
    assert "| both | 50." in text
    assert "| many | 4 | 50.4" in text


def test_what_is_not_enough_is_said_not_to_be() -> None:
    assert page(0.54, 0.2).count("| no |") == 1  # four points of F1-IoU, where five are wanted
    assert page(0.6, 1.1).count("| no |") == 1  # eleven times the cost
    assert page(0.45, 0.2).count("| no |") == 3


def test_results_have_a_line_for_each_entry() -> None:
    document = {"command": "python", "all": [{"a": [1, 2]}, {"b": "\n"}], "kin": []}
    text = line_by_line(document)
    assert json.loads(text) == document
    assert '{"a": [1, 2]},' in text.splitlines()
