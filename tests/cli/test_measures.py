"""The tables of ``tam evaluate`` in a narrow terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tam.cli import run
from tam.cli.measures import print_measures
from tam.evaluate.curves import NAMES as CURVES
from tam.evaluate.journal import Block
from tam.evaluate.metrics import METRICS
from tam.evaluate.summary import summarize
from tam.evaluate.tables import printed


def block(method: str, item: int, value: float) -> Block:
    line = {
        **{"model": "m", "method": method, "item": f"i{item}", "split": "one"},
        **{"seconds": 0.1, "targets": 2, "precision": [value], "recall": [value]},
        **{"obj_iou": [value], "func_iou": [value], "relevance_auroc": None},
    }
    names = (
        *("pointing", "energy", "insertion", "deletion", "sensitivity", "randomized"),
        *CURVES,
        *("correction_region", "correction_success"),
    )
    return Block(line, (dict.fromkeys(names, value + item / 100),))


@pytest.mark.parametrize("width", [80, 40])
def test_every_measure_is_whole_and_says_which_way_is_better(width: int) -> None:
    found = [
        block(method, item, value)
        for method, value in (("localization-heads", 0.2), ("smooth-grad-cam++", 0.6))
        for item in range(8)
    ]
    rows = summarize(found, ["localization-heads", "smooth-grad-cam++"])
    stream = io.StringIO()
    print_measures(printed(rows), "localization-heads", Console(file=stream, width=width))
    shown = stream.getvalue()
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    for heading in ("F1-IoU ↑", "pointing ↑", "deletion ↓", "randomized ↓", "ms ↓"):
        assert heading in shown
    for heading in ("phrase ins. ↑", "sentence del. ↓", "word max. ↑", "AMCR ↓", "CSR@10 % ↑"):
        assert heading in shown
    assert "m: curves of probability" in shown
    # Titles are broken in a narrow terminal.
    assert "m: corrections of 8 false words" in " ".join(shown.split())
    assert "63.5 ▲" in shown  # pointing
    assert "63.5 ▼" in shown  # deletion


def test_a_run_without_any_measure_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model would not have said the planted false word."""
    options = "--split false --count 1 --methods center --corrections --no-location".split()
    assert run(["evaluate", *options, "--out", str(tmp_path / "out")]) == 0
    assert "No word or item has any of the measures." in capsys.readouterr().out


def test_the_names_of_metrics_are_whole_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["metrics"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert all(f" {name} " in shown for name in METRICS)
    assert shown.count(" higher │") + shown.count(" lower  │") >= len(METRICS)
