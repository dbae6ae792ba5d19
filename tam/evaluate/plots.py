"""The summary as plots, drawn with matplotlib, which is optional."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tam.errors import SetupError
from tam.evaluate.metrics import METRICS
from tam.evaluate.summary import ALL, Row

PLOTTED = ("f1_iou", "obj_iou", "pointing", "insertion", "deletion")


def write_plots(rows: Sequence[Row], out: Path) -> list[Path]:
    """Write a bar chart with intervals for each measure, and a line chart over the splits.

    Returns
    -------
    The PNG files: ``MEASURE.png`` and, if there are several splits, ``splits.png``.

    Raises
    ------
    SetupError
        If matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SetupError(
            "matplotlib is missing",
            where="plots",
            remedy="pip install 'token-activation-map[evaluate]', or leave --plots out",
        ) from error
    overall = [row for row in rows if row.split == ALL] or list(rows)
    written = []
    for name in PLOTTED:
        shown = [row for row in overall if name in row.figures]
        if shown:
            figure = Figure(figsize=(7, 1.2 + 0.32 * len(shown)), layout="constrained")
            _bars(figure.subplots(), shown, name)
            figure.savefig(out / f"{name}.png", dpi=120)
            written.append(out / f"{name}.png")
    split = [row for row in rows if row.split != ALL and "f1_iou" in row.figures]
    if len({row.split for row in split}) > 1:
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        _lines(figure.subplots(), split)
        figure.savefig(out / "splits.png", dpi=120)
        written.append(out / "splits.png")
    return written


def _bars(axes: Any, rows: Sequence[Row], name: str) -> None:
    """Draw one bar for each model and method, the best at the top."""
    falling = METRICS[name].less_is_better
    order = sorted(rows, key=lambda row: row.figures[name].value, reverse=falling)
    models = list(dict.fromkeys(row.model for row in rows))
    for place, row in enumerate(order):
        value = row.figures[name]
        axes.barh(place, value.value, color=f"C{models.index(row.model)}", alpha=0.8)
        axes.plot([value.low, value.high], [place, place], color="black", linewidth=1)
    several = len(models) > 1
    labels = [f"{row.method} ({row.model})" if several else row.method for row in order]
    axes.set_yticks(range(len(order)), labels)
    note = " (less is better)" if METRICS[name].less_is_better else ""
    axes.set_xlabel(METRICS[name].title + note)
    axes.set_xlim(left=0)


def _lines(axes: Any, rows: Sequence[Row]) -> None:
    """Draw the F1-IoU of each model and method over the splits."""
    splits = list(dict.fromkeys(row.split for row in rows))
    for model in dict.fromkeys(row.model for row in rows):
        for method in dict.fromkeys(row.method for row in rows):
            own = {
                row.split: row.figures["f1_iou"].value
                for row in rows
                if (row.model, row.method) == (model, method)
            }
            known = [split for split in splits if split in own]
            axes.plot(
                [splits.index(split) for split in known],
                [own[split] for split in known],
                marker="o",
                label=f"{method} ({model})",
            )
    axes.set_xticks(range(len(splits)), splits, rotation=30, ha="right")
    axes.set_ylabel(METRICS["f1_iou"].title)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
