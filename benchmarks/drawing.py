"""The suite's results as one figure."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

_WAYS = {"plain": "o-", "engine": "s-", "on_device": "^-", "bound": "k:"}
_AXES = {"N": "cells", "K": "targets", "D": "width"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the compared implementations, and the engine over N, K and D beside its bound."""
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10, 6.5), layout="constrained")
        first, *others = figure.subplots(2, 2).flat
        times = sorted(result["main"]["seconds"].items(), key=lambda item: -item[1])
        bars = first.barh([name for name, _ in times], [took for _, took in times], color="0.6")
        bars[-1].set_color("tab:blue")
        first.bar_label(bars, [f" {took:.3g}" for _, took in times])
        first.set(xscale="log", xlabel="seconds for all targets of one run")
        first.margins(x=0.15)
        for axes, (name, member) in zip(others, _AXES.items(), strict=True):
            cases = result["sweeps"].get(name, [])
            for way, style in _WAYS.items():
                known = [case for case in cases if case[way] is not None]
                if known:
                    label = way.replace("_", " ")
                    axes.plot(
                        [c[member] for c in known], [c[way] for c in known], style, label=label
                    )
            axes.set(xscale="log", yscale="log", xlabel=name, ylabel="seconds")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.legend(frameon=False)
        dtype = result["main"]["case"]["dtype"]
        figure.suptitle(f"{result['device']}; other sizes N = 768, K = 128, D = 1536, {dtype}")
        figure.savefig(path, dpi=120)
