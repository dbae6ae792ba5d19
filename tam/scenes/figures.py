"""Figures and their intervals, from the measurements of a small model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tam.evaluate.localization import bootstrap_interval
from tam.scenes.pointing import MEASURES, STAGES, WordRecord


@dataclass
class Record:
    """The individual measurements so far, from which intervals are computed at the end.

    ``captions`` holds (scene, right, stated, true) with numbers of pairs, ``answers`` (scene, kind
    of question, right), ``words`` the true words of captions.
    """

    captions: list[tuple[int, int, int, int]] = field(default_factory=list)
    answers: list[tuple[int, str, bool]] = field(default_factory=list)
    words: list[WordRecord] = field(default_factory=list)


def figures(record: Record) -> dict[str, Any]:
    """Compute figures of captions, answers and pointing, and their 95 % intervals.

    A caption's F1 is 2 right / (stated + true); the mean weighs captions equally.
    """
    scores = [2 * right / max(stated + true, 1) for _, right, stated, true in record.captions]
    marks = [float(correct) for *_, correct in record.answers]
    pointing = pointing_figures(record.words)
    return {
        "caption_f1": _mean(scores),
        "answer_accuracy": _mean(marks),
        "answers_by_kind": {
            kind: _mean([float(correct) for _, other, correct in record.answers if other == kind])
            for kind in sorted({kind for _, kind, _ in record.answers})
        },
        **pointing,
        "intervals": {
            "caption_f1": _interval(scores, [scene for scene, *_ in record.captions]),
            "answer_accuracy": _interval(marks, [scene for scene, *_ in record.answers]),
            **pointing["intervals"],
        },
    }


def pointing_figures(words: Sequence[WordRecord]) -> dict[str, Any]:
    """Average every measure at every stage over words, with chance and the centre as controls."""
    where = [word.scene for word in words]
    columns = {
        name: {stage: [word.measures[name, stage] for word in words] for stage in STAGES}
        for name in MEASURES
    }
    columns["peak_in_time"] = {stage: [word.in_time[stage] for word in words] for stage in STAGES}
    return {
        "words": len(words),
        **{
            name: {stage: _mean(values) for stage, values in stages.items()}
            for name, stages in columns.items()
        },
        "chance": _mean([word.chance for word in words]),
        "chance_in_time": _mean([word.shown for word in words]),
        "center_peak": _mean([word.center for word in words]),
        "intervals": {
            name: {stage: _interval(values, where) for stage, values in stages.items()}
            for name, stages in columns.items()
        },
    }


def print_report(report: Mapping[str, Any]) -> None:
    """Print the report as tables."""
    kind = f", {report['difficulty']}" if report["difficulty"] else ""
    print(f"model {report['model']}: {report['scenes']} scenes of split {report['split']}{kind}")
    _print_replies(report)
    for name in ("color", "shape"):
        _print_pointing(f"{name} words", report["by_kind"][name])
    _print_pointing("words that mask supervision uses", report["masked"])
    for name in ("color", "shape"):
        part = report["unmasked"][name]
        _print_pointing(f"{name} words that mask supervision leaves out", part)
    print(f"{report['clips']['scenes']} clips")
    _print_replies(report["clips"])
    _print_pointing("words, in space and time", report["clips"])
    print(f"{report['third_turn']['scenes']} conversations, the caption in the third turn")
    _print_replies(report["third_turn"])
    _print_pointing("words", report["third_turn"])
    print(f"{report['two_pictures']['scenes']} pairs of pictures")
    _print_replies(report["two_pictures"])
    print(f"{report['seconds']} seconds")


def _print_replies(part: Mapping[str, Any]) -> None:
    for name in ("caption_f1", "answer_accuracy"):
        print(f"{name:18}{_shown(part[name], part['intervals'][name])}")
    for kind, value in part["answers_by_kind"].items():
        print(f"  {kind:16}{value:6.3f}")


def _print_pointing(title: str, part: Mapping[str, Any]) -> None:
    print(
        f"{part['words']} true {title}; chance {part['chance']}, in time "
        f"{part['chance_in_time']}, peak of the centre {part['center_peak']}"
    )
    print(f"  {'':18}" + "".join(f"{stage:>22}" for stage in STAGES))
    for name in (*MEASURES, "peak_in_time"):
        cells = (_shown(part[name][s], part["intervals"][name][s]) for s in STAGES)
        print(f"  {name:18}" + "".join(f"{cell:>22}" for cell in cells))


def _shown(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None or interval is None:
        return f"{'none':>20}"
    return f"{value:6.3f} [{interval[0]:.3f}-{interval[1]:.3f}]"


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def _interval(values: Sequence[float], groups: Sequence[int]) -> list[float] | None:
    if not len(values):
        return None
    return [round(edge, 4) for edge in bootstrap_interval(values, groups)]
