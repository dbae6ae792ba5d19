"""A run that is killed loses the item in hand and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam.errors import OutputError
from tam.evaluate.journal import Block, Journal, blocks


def block(item: str, method: str = "tam", words: int = 2) -> Block:
    line = {"model": "small", "method": method, "item": item, "split": "one"}
    return Block(line, tuple({"word": f"w{n}", "iou": n / 3} for n in range(words)))


def test_what_was_appended_is_read_in_order(tmp_path: Path) -> None:
    one, two = Journal(tmp_path, 0), Journal(tmp_path, 1)
    for journal, name in ((two, "b"), (one, "c"), (two, "a")):
        journal.append(block(name))
    one.append(block("a", "activation"))
    found = blocks(tmp_path)
    assert [b.key[1:] for b in found] == [
        ("activation", "a"),
        ("tam", "a"),
        ("tam", "b"),
        ("tam", "c"),
    ]
    assert found[1] == block("a")


@pytest.mark.promise("evaluation", "a kill while a result is written", "loses only that item")
@given(st.integers(0, 10_000))
def test_a_kill_at_any_byte_costs_one_item(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder, 0)
        ends = []
        for item in "abc":
            journal.append(block(item))
            ends.append(journal.path.stat().st_size)
        cut %= ends[-1] + 1
        content = journal.path.read_bytes()
        journal.path.write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends)
        assert len(blocks(folder)) == whole
        journal.repair()
        assert journal.path.stat().st_size == ([0, *ends])[whole]
        journal.append(block("z"))
        assert [b.key[2] for b in blocks(folder)] == [*"abc"[:whole], "z"]


@pytest.mark.promise("evaluation", "a results file that no run wrote", "refused and left unchanged")
@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "nonsense",
        '{"line": "item"}',
        '{"line": "x"}',
        "[1]",
        '{"line": "item", "model": 1, "method": "", "item": "", "split": ""}',
    ],
)
def test_a_file_of_someone_else_is_not_touched(tmp_path: Path, line: str) -> None:
    path = tmp_path / "results-000.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(OutputError, match="line 1"):
        blocks(tmp_path)
    with pytest.raises(OutputError, match="line 1"):
        Journal(tmp_path, 0).repair()
    assert path.read_text() == line + "\n"


def test_the_same_item_twice_counts_once(tmp_path: Path) -> None:
    Journal(tmp_path, 0).append(block("a"))
    Journal(tmp_path, 1).append(block("a", words=0))
    (only,) = blocks(tmp_path)
    assert len(only.words) == 2
