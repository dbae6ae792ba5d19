"""All methods on the scenes: where their maps point, and whether the model uses what they mark.

    python -m benchmarks.methods [--out benchmarks/results] [--items 6] [--more 8]
    accelerate launch --multi_gpu --num_processes 2 -m benchmarks.methods ...

Writes ``methods.md`` and ``methods.json`` to the folder ``--out``: every method on ``--items``
pictures of every difficulty; then, on ``--more`` items of every split, including clips and
conversations, the published ablation, and ``tam-plus`` against ``tam``. The scenes are those of the
world ``test``, on which no model was trained and no variant was chosen. The same command resumes a
run that was stopped: measurements are kept under ``benchmarks/unfinished``, in a folder named
after the weights of each model. Several processes share the work.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from accelerate import PartialState

from benchmarks.unfinished import work_folder
from tam.errors import ended_in_one_line
from tam.evaluate.journal import blocks
from tam.evaluate.metrics import METRICS
from tam.evaluate.plan import Plan
from tam.evaluate.runner import run
from tam.evaluate.scene_items import SCENE_SPLITS
from tam.evaluate.summary import ALL, Row, summarize
from tam.evaluate.tables import markdown, rows_json
from tam.methods import METHODS
from tam.model.shipped import SHIPPED

ABLATION = {"activation": "neither", "eci": "ECI", "rgf": "RGF", "tam": "both"}
PUBLISHED = {
    "activation": (21.2, 51.9, 30.1),
    "eci": (22.4, 69.0, 33.8),
    "rgf": (24.8, 43.3, 31.6),
    "tam": (27.4, 68.4, 39.1),
}
"""Obj-IoU, Func-IoU, F1-IoU of Qwen2-VL-2B on COCO Caption minival, arXiv 2506.23270."""
PICTURES = ("one", "same-color", "same-shape", "many", "small-objects")
"""The splits for all methods; clips are left out, since some methods take a minute for one."""
COMPARED = ("tam", "tam-plus", "activation", "eci", "rgf")
FIGURES = ("f1_iou", "obj_iou", "func_iou", "pointing", "insertion", "deletion")


def main() -> None:
    """Measure what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--model", default=",".join(SHIPPED), help="models, by commas")
    parser.add_argument("--world", default="test", help="split of the scenes' seeds")
    parser.add_argument(
        "--items", type=int, default=6, help="pictures of each difficulty, all methods"
    )
    parser.add_argument("--more", type=int, default=8, help="items of each split, tam and its kin")
    options = parser.parse_args()
    models = options.model.split(",")
    parts = []
    for name, methods, splits, count in (
        (
            "all",
            tuple(n for n, m in METHODS.items() if m.cross_attention != "only"),
            PICTURES,
            options.items,
        ),
        ("kin", COMPARED, tuple(SCENE_SPLITS), options.more),
    ):
        plan = Plan(splits=splits, count=count, world=options.world, faithful_words=1)
        folders = [work_folder([model]) / f"{name}-{options.world}-{count}" for model in models]
        for model, folder in zip(models, folders, strict=True):
            run(plan, [model], list(methods), folder)
        parts.append(summarize(list(chain(*map(blocks, folders))), methods))
    if PartialState().is_main_process:
        every, kin = parts
        command = (
            f"python -m benchmarks.methods --model {options.model} --world {options.world} "
            f"--items {options.items} --more {options.more}"
        )
        options.out.mkdir(parents=True, exist_ok=True)
        document = {"command": command, "all": rows_json(every), "kin": rows_json(kin)}
        (options.out / "methods.json").write_text(line_by_line(document), encoding="utf-8")
        (options.out / "methods.md").write_text(told(command, every, kin), encoding="utf-8")


def line_by_line(document: Mapping[str, Any]) -> str:
    """Return JSON with one line for each member, and for each entry of a list."""
    members = []
    for name, value in document.items():
        told = json.dumps(value, allow_nan=False)
        if isinstance(value, list):
            entries = (json.dumps(entry, allow_nan=False) for entry in value)
            told = "[\n" + ",\n".join(entries) + "\n]"
        members.append(f"{json.dumps(name)}: {told}")
    return "{\n" + ",\n".join(members) + "\n}\n"


def told(command: str, every: Sequence[Row], kin: Sequence[Row]) -> str:
    """Return both parts as one Markdown page."""
    overall = [row for row in every if row.split == ALL]
    splits = [row for row in kin if row.split != ALL and row.method in ("tam", "tam-plus")]
    return "\n".join(
        [
            f"# All methods on the scenes\n\n`{command}`, in float32. Regenerate it, do not edit "
            "it. What the columns are: docs/evaluation.md.\n",
            markdown(overall, "tam", "scene lexicon"),
            "## Where tam loses\n",
            *(beating(overall, model) for model in models_of(overall)),
            "\n## The published ablation\n",
            *(ablation(kin, model) for model in models_of(kin)),
            published(),
            "## tam-plus against tam\n",
            verdict(kin),
            "F1-IoU split by split:\n",
            *(by_split(splits, model) for model in models_of(splits)),
        ]
    )


def models_of(rows: Sequence[Row]) -> list[str]:
    """Return the models, in order."""
    return list(dict.fromkeys(row.model for row in rows))


def beating(rows: Sequence[Row], model: str) -> str:
    """List the methods that are better than tam, by intervals that exclude 0."""
    lines = [f"{model}:\n"]
    for name in FIGURES:
        better = [
            row.method
            for row in rows
            if row.model == model
            and name in row.differences
            and (-1 if METRICS[name].less_is_better else 1) * row.differences[name].value > 0
            and row.differences[name].low * row.differences[name].high > 0
        ]
        lines.append(f"- {METRICS[name].title}: to {', '.join(better) or 'none'}")
    return "\n".join(lines) + "\n"


def ablation(rows: Sequence[Row], model: str) -> str:
    """Return the four rows of the published ablation, from neither step to both."""
    own = {row.method: row for row in rows if (row.model, row.split) == (model, ALL)}
    lines = [
        f"{model}, {own['tam'].items} items, {own['tam'].words} words with a mask:\n",
        "| steps | Obj-IoU | Func-IoU | F1-IoU |",
        "| --- | ---: | ---: | ---: |",
    ]
    for method, label in ABLATION.items():
        cells = [interval(own[method], name) for name in ("obj_iou", "func_iou", "f1_iou")]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def published() -> str:
    """Return the same four rows as published, for a large model on photographs."""
    lines = [
        "As published (Qwen2-VL-2B, COCO Caption minival):\n",
        "| steps | Obj-IoU | Func-IoU | F1-IoU |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {ABLATION[method]} | {' | '.join(map(str, figures))} |"
        for method, figures in PUBLISHED.items()
    ]
    return "\n".join(lines) + "\n"


def verdict(rows: Sequence[Row]) -> str:
    """Return the goals for tam-plus, and whether it meets them."""
    lines = ["| model | measure | tam | tam-plus | difference | wanted | met |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for model in models_of(rows):
        own = {row.method: row for row in rows if (row.model, row.split) == (model, ALL)}
        tam, plus = own["tam"], own["tam-plus"]
        for name in FIGURES:
            gain = plus.differences[name]
            sign = -1 if METRICS[name].less_is_better else 1
            least = {"f1_iou": 0.05, "insertion": 0.0, "deletion": 0.0}.get(name)
            wanted, met = "", ""
            if least is not None:
                wanted = f"{sign * 100 * least:+.0f}" if least else "better"
                met = "yes" if sign * gain.value >= least and gain.low * gain.high > 0 else "no"
            lines.append(
                f"| {model} | {METRICS[name].title} "
                f"| {interval(tam, name)} | {interval(plus, name)} "
                f"| {100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] "
                f"| {wanted} | {met} |"
            )
        times = plus.seconds_per_word / tam.seconds_per_word
        lines.append(
            f"| {model} | ms for a token | {1000 * tam.seconds_per_word:.2f} "
            f"| {1000 * plus.seconds_per_word:.2f} | {times:.1f} × | under 10 × "
            f"| {'yes' if times < 10 else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def by_split(rows: Sequence[Row], model: str) -> str:
    """Return the F1-IoU of tam and tam-plus on every split."""
    own = [row for row in rows if row.model == model]
    lines = [f"| {model} | items | tam | tam-plus |", "| --- | ---: | ---: | ---: |"]
    for split in dict.fromkeys(row.split for row in own):
        found = {row.method: row for row in own if row.split == split}
        cells = [interval(found[method], "f1_iou") for method in ("tam", "tam-plus")]
        lines.append(f"| {split} | {found['tam'].items} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval(row: Row, name: str) -> str:
    """Format a figure in per cent, with its interval."""
    figure = row.figures.get(name)
    if figure is None:
        return "–"
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
