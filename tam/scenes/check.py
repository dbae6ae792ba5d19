"""Prints the small model's true figures on held-out scenes: ``python -m tam.scenes.check``.

Captions and answers are generated from the shipped weights through the processor, as a user would.
For every colour and shape word of a caption that is true of the scene, the word's map is compared
with the visible pixels of all objects that the word is true of, for four stages of the method: the
raw ``activation``, after estimated causal inference (``eci``), the raw activation scaled and
filtered (``rgf``), and the whole method (``tam``).
"""

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.localization import (
    bootstrap_interval,
    center_peak,
    chance,
    energy_in_object,
    iou_at_otsu,
    peak_in_object,
)
from tam.scenes.language import Question, questions, stated_pairs
from tam.scenes.shipped import SHIPPED, weights_folder
from tam.scenes.tokens import PATCH_SIZE
from tam.scenes.world import COLORS, SHAPES, SPLITS, Scene, make_scene, split_seed

STAGES: tuple[str, ...] = ("activation", "eci", "rgf", "tam")
MEASURES = {
    "peak_in_object": peak_in_object,
    "energy_in_object": energy_in_object,
    "iou_at_otsu": iou_at_otsu,
}
GRIDS: tuple[tuple[int, int], ...] = ((16, 16), (15, 18), (18, 15), (14, 19), (20, 13))
PROMPT = "Describe this image."
BATCH = 20


@dataclass(frozen=True)
class WordRecord:
    """One true colour or shape word of a caption: its scene, kind, measures and controls.

    ``measures`` holds a value for each (measure, stage).
    """

    scene: int
    kind: str
    measures: dict[tuple[str, str], float]
    chance: float
    center: float


@dataclass
class Record:
    """What was found so far, value by value, so that intervals can be drawn at the end."""

    captions: list[tuple[int, int, int]] = field(default_factory=list)
    answers: list[tuple[int, str, bool]] = field(default_factory=list)
    words: list[WordRecord] = field(default_factory=list)


def check(
    folder: Path, *, scenes: int, split: str = "test", asked: int = 3, first: int = 0
) -> dict[str, Any]:
    """Measure a model folder on ``scenes`` scenes of a split; see the module for the measures.

    Parameters
    ----------
    folder : Path
        Anything that ``from_pretrained`` reads as a Qwen2-VL model and processor.
    scenes : int
        Scenes, from index ``first`` of the split on.
    asked : int
        Questions for each scene.

    Returns
    -------
    JSON values: the figures, their 95 % intervals under the same names, and the same by kind of
    word or question.
    """
    transformers: Any = import_module("transformers")

    began = time.monotonic()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    processor.tokenizer.padding_side = "left"
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    record = Record()
    for group in _batches(split, first, scenes):
        _captions(model, processor, group, record)
        rng = np.random.default_rng(group[0][1].seed)
        posed = [(at, scene, item) for at, scene in group for item in questions(scene, rng, asked)]
        _answers(model, processor, posed, record)
    return {
        "split": split,
        "scenes": scenes,
        **_summary(record),
        "seconds": round(time.monotonic() - began, 1),
    }


def _batches(split: str, first: int, scenes: int) -> Iterator[list[tuple[int, Scene]]]:
    """Batches of scenes of one size each, the sizes in turn."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("scenes", total=scenes)
        for number, start in enumerate(range(0, scenes, BATCH)):
            height, width = (PATCH_SIZE * side for side in GRIDS[number % len(GRIDS)])
            group = [
                (index, make_scene(split_seed(split, first + index), height, width))
                for index in range(start, min(scenes, start + BATCH))
            ]
            yield group
            bar.advance(task, len(group))


def _inputs(processor: Any, prompts: Sequence[str], scenes: Sequence[Scene]) -> Any:
    texts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}],
            add_generation_prompt=True,
        )
        for prompt in prompts
    ]
    images = [scene.image for scene in scenes]
    return processor(text=texts, images=images, padding=True, return_tensors="pt")


def _answers(
    model: Any,
    processor: Any,
    posed: list[tuple[int, Scene, Question]],
    record: Record,
) -> None:
    """Generate and mark the answers to questions about scenes of one size."""
    import torch

    for start in range(0, len(posed), BATCH):
        part = posed[start : start + BATCH]
        inputs = _inputs(processor, [item.text for *_, item in part], [s for _, s, _ in part])
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=24, do_sample=False)
        texts = processor.batch_decode(
            output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        for (index, _, item), text in zip(part, texts, strict=True):
            record.answers.append((index, item.kind, text.strip() == item.answer))


def _captions(
    model: Any,
    processor: Any,
    group: list[tuple[int, Scene]],
    record: Record,
) -> None:
    """Generate the captions of scenes of one size, count their pairs, measure their words."""
    import torch

    inputs = _inputs(processor, [PROMPT] * len(group), [scene for _, scene in group])
    length = inputs["input_ids"].shape[1]
    with torch.inference_mode():
        output = model.generate(**inputs, max_new_tokens=64, do_sample=False)
    for row, (index, scene) in enumerate(group):
        ended = (output[row, length:] == model.generation_config.eos_token_id).nonzero()
        stop = length + (int(ended[0]) if len(ended) else output.shape[1] - length)
        ids = output[row, :stop]
        said = stated_pairs(processor.decode(ids[length:]))
        true = {item.pair for item in scene.objects}
        record.captions.append((len(said & true), len(said), len(true)))
        if stop > length:
            one = _inputs(processor, [PROMPT], [scene])
            record.words += _words(model, processor, one, ids, index, scene)


def _words(
    model: Any,
    processor: Any,
    inputs: Any,
    ids: Any,
    index: int,
    scene: Scene,
) -> list[WordRecord]:
    """Measure the true colour and shape words of one caption; ``ids`` are prompt and caption."""
    import torch

    length = inputs["input_ids"].shape[1]
    kinds = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, len(ids) - length))
    with torch.inference_mode():
        hidden = model.model(
            input_ids=ids[None],
            mm_token_type_ids=kinds,
            attention_mask=torch.ones_like(ids)[None],
            pixel_values=inputs["pixel_values"],
            image_grid_thw=inputs["image_grid_thw"],
        ).last_hidden_state[0]
    grid = (int(inputs["image_grid_thw"][0, 1]), int(inputs["image_grid_thw"][0, 2]))
    vision = (ids == model.config.image_token_id).nonzero()[:, 0]
    asked = _prompt_positions(processor, ids[:length])
    targets = ids[[*asked, *range(length, len(ids))]]
    context = [*asked, *range(length - 1, len(ids) - 1)]
    stages = _stages(hidden, model.lm_head.weight[targets], vision, context, targets, grid, asked)
    records = []
    for word, tokens in _world_words(processor, ids[length:].tolist()):
        kind = "color" if word in COLORS else "shape"
        masks = [item.mask for item in scene.objects if word in item.pair]
        if not masks:
            continue
        mask = np.logical_or.reduce(masks)
        values: dict[tuple[str, str], float] = {}
        for stage, maps in stages.items():
            cells = maps[[len(asked) + token for token in tokens]].max(axis=0)
            heat = _to_pixels(cells.reshape(grid), mask.shape)
            values |= {(name, stage): measure(heat, mask) for name, measure in MEASURES.items()}
        records.append(WordRecord(index, kind, values, chance(mask), center_peak(mask)))
    return records


def _prompt_positions(processor: Any, ids: Any) -> list[int]:
    """Positions of the user's words: the text between the picture's end and the turn's."""
    names = processor.tokenizer.convert_ids_to_tokens(ids.tolist())
    start = names.index("<|vision_end|>") + 1
    return list(range(start, names.index("<|im_end|>", start)))


def _stages(
    hidden: Any,
    rows: Any,
    vision: Any,
    context: list[int],
    targets: Any,
    grid: tuple[int, int],
    asked: list[int],
) -> dict[str, NDArray[np.float32]]:
    """Maps [K, N] of every stage of the method, for prompt and caption tokens."""
    import torch

    from tam.engine import token_activation_maps
    from tam.ops.dispatch import select

    result = token_activation_maps(hidden, rows, vision, context, targets, [grid], len(asked))
    stops = torch.arange(len(targets)).clamp(min=len(asked))
    scaled, _ = select("joint_scaling")(
        result.activation.T.double(), result.text_scores.T.double(), stops
    )
    filtered = select("rank_filter")(scaled.T.contiguous(), [grid], 3)
    named = (result.activation, result.after_eci, filtered, result.maps)
    return {stage: maps.float().numpy() for stage, maps in zip(STAGES, named, strict=True)}


def _world_words(processor: Any, ids: list[int]) -> list[tuple[str, list[int]]]:
    """The colour and shape words of a text, each with the indices of its tokens."""
    pieces = [processor.tokenizer.decode([token]) for token in ids]
    ends = np.cumsum([len(piece) for piece in pieces])
    found = []
    for match in re.finditer(rf"\b({'|'.join((*COLORS, *SHAPES))})\b", "".join(pieces)):
        tokens = [
            at
            for at, end in enumerate(ends)
            if end > match.start() and end - len(pieces[at]) < match.end()
        ]
        found.append((match.group(), tokens))
    return found


def _to_pixels(cells: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    from tam.upsample import upsample

    height, width = size
    return upsample(cells, (0, 0, width, height), height, width)


def _summary(record: Record) -> dict[str, Any]:
    """Figures and their intervals."""
    right, said, true = (np.array(column, float) for column in zip(*record.captions, strict=True))
    # A scene's F1 is 2 right / (said + true); the mean weighs scenes equally.
    scores = 2 * right / np.maximum(said + true, 1)
    marks = [float(correct) for *_, correct in record.answers]
    where = [index for index, *_ in record.answers]
    kinds = sorted({kind for _, kind, _ in record.answers})
    words = _word_summary(record.words)
    return {
        "caption_f1": _mean(scores.tolist()),
        "answer_accuracy": _mean(marks),
        **{key: words[key] for key in words if key != "intervals"},
        "answers_by_kind": {
            kind: _mean([float(correct) for _, other, correct in record.answers if other == kind])
            for kind in kinds
        },
        "by_kind": {
            kind: _word_summary([word for word in record.words if word.kind == kind])
            for kind in ("color", "shape")
        },
        "intervals": {
            "caption_f1": _interval(scores.tolist(), list(range(len(scores)))),
            "answer_accuracy": _interval(marks, where),
            **words["intervals"],
        },
    }


def _word_summary(words: list[WordRecord]) -> dict[str, Any]:
    where = [word.scene for word in words]
    columns = {
        name: {stage: [word.measures[name, stage] for word in words] for stage in STAGES}
        for name in MEASURES
    }
    return {
        "words": len(words),
        **{
            name: {stage: _mean(values) for stage, values in stages.items()}
            for name, stages in columns.items()
        },
        "chance": _mean([word.chance for word in words]),
        "center_peak": _mean([word.center for word in words]),
        "intervals": {
            name: {stage: _interval(values, where) for stage, values in stages.items()}
            for name, stages in columns.items()
        },
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def _interval(values: Sequence[float], groups: Sequence[int]) -> list[float] | None:
    if not len(values):
        return None
    return [round(edge, 4) for edge in bootstrap_interval(values, groups)]


def _print(report: dict[str, Any]) -> None:
    """The report as a table on stdout."""
    intervals = report["intervals"]

    def show(value: float | None, interval: list[float] | None) -> str:
        if value is None or interval is None:
            return f"{'none':>20}"
        return f"{value:6.3f} [{interval[0]:.3f}-{interval[1]:.3f}]"

    print(f"model {report['model']}: {report['scenes']} scenes of split {report['split']}")
    for name in ("caption_f1", "answer_accuracy"):
        print(f"{name:18}{show(report[name], intervals[name])}")
    for kind, value in report["answers_by_kind"].items():
        print(f"  {kind:16}{value:6.3f}")
    for kind in ("color", "shape"):
        part = report["by_kind"][kind]
        print(
            f"{part['words']} true {kind} words; chance {part['chance']}, "
            f"peak of the centre {part['center_peak']}"
        )
        print(f"  {'':18}" + "".join(f"{stage:>22}" for stage in STAGES))
        for name in MEASURES:
            cells = (show(part[name][s], part["intervals"][name][s]) for s in STAGES)
            print(f"  {name:18}" + "".join(f"{cell:>22}" for cell in cells))
    print(f"{report['seconds']} seconds")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tam.scenes.check", description=__doc__)
    parser.add_argument("--model", default="small", help="a shipped model's name, or a folder")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--split", choices=[n for n in SPLITS if n != "train"], default="test")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args(arguments)
    if given.scenes < 1:
        parser.error("--scenes must be at least 1")
    logging: Any = import_module("transformers.utils.logging")
    logging.disable_progress_bar()
    folder = weights_folder(given.model) if given.model in SHIPPED else Path(given.model)
    if not (folder / "config.json").exists():
        parser.error(f"no model in {folder}; give a folder with config.json, or one of {SHIPPED}")
    report = {"model": given.model, **check(folder, scenes=given.scenes, split=given.split)}
    if given.json:
        print(json.dumps(report))
    else:
        _print(report)


if __name__ == "__main__":
    main()
