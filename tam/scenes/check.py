"""``python -m tam.scenes.check`` measures the small models on held-out scenes.

Captions and answers are generated from the weights and the processor as by a user. For every color
and shape word of a caption that is true of the scene, the word's map is compared with the visible
pixels of all objects that the word is true of, for four stages of the method: the raw
``activation``, after estimated causal inference (``eci``), the raw activation scaled and filtered
(``rgf``), and the whole method (``tam``). For every fifth scene there are also a clip, which is
measured in space and time, a conversation that asks for the caption in its third turn, and a pair
of pictures.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tam.errors import ended_in_one_line
from tam.model.shipped import SHIPPED, weights_folder
from tam.scenes.batch import UNMASKED
from tam.scenes.clips import Clip, make_clip
from tam.scenes.figures import Record, figures, pointing_figures, print_report
from tam.scenes.language import Question, follow_up, questions, stated_pairs
from tam.scenes.motion import CLIP_PROMPTS, clip_questions
from tam.scenes.pairs import pair_questions
from tam.scenes.pointing import Truth, word_records
from tam.scenes.replies import Dialogue, Reply, Speaker
from tam.scenes.tokens import PATCH_SIZE, TEMPORAL_PATCH_SIZE
from tam.scenes.world import DIFFICULTIES, SPLITS, Scene, make_scene, split_seed

GRIDS: tuple[tuple[int, int], ...] = ((16, 16), (15, 18), (18, 15), (14, 19), (20, 13))
PROMPT = "Describe this image."
BATCH = 25
QUESTIONS = 3
"""Questions for each scene, clip and pair of pictures."""

EXTRA = 5
"""There is one clip, conversation and pair of pictures for every ``EXTRA`` scenes."""

T = TypeVar("T")


def check(
    folder: Path, *, scenes: int, split: str = "test", difficulty: str | None = None
) -> dict[str, Any]:
    """Measure a model on scenes of a split; the module describes the measurements.

    Parameters
    ----------
    folder : Path
        Anything that ``from_pretrained`` reads as a Qwen2-VL model and processor.
    scenes : int
        Number of scenes, from the start of the split.
    difficulty : str, optional
        One of `tam.scenes.world.DIFFICULTIES`.

    Returns
    -------
    JSON values: the figures, their 95 % intervals under the same names, and the same by kind of
    word, for the words that mask supervision uses (``masked``) and those that it leaves out
    (``unmasked``), for ``clips``, for the ``third_turn`` and for ``two_pictures``.
    """
    began = time.monotonic()
    speaker = Speaker(folder)
    extra = -(-scenes // EXTRA)

    def still(index: int) -> Scene:
        # All pictures of a batch have one size; the batches cycle through the sizes.
        height, width = (PATCH_SIZE * side for side in GRIDS[index // BATCH % len(GRIDS)])
        return make_scene(split_seed(split, index), height, width, difficulty=difficulty)

    def clip(index: int) -> Clip:
        return make_clip(split_seed(split, index))

    def pair(index: int) -> tuple[Scene, Scene]:
        seeds = (split_seed(split, 2 * index), split_seed(split, 2 * index + 1))
        first, second = (make_scene(seed, difficulty=difficulty) for seed in seeds)
        return first, second

    found = _measured(speaker, "scenes", scenes, still, _measure_scenes)
    of_words = {
        kind: [word for word in found.words if word.kind == kind] for kind in ("color", "shape")
    }
    return {
        "split": split,
        "difficulty": difficulty,
        "scenes": scenes,
        **figures(found),
        "by_kind": {kind: pointing_figures(words) for kind, words in of_words.items()},
        "masked": pointing_figures([word for word in found.words if word.word not in UNMASKED]),
        "unmasked": {
            kind: pointing_figures([word for word in words if word.word in UNMASKED])
            for kind, words in of_words.items()
        },
        "clips": {
            "scenes": extra,
            **figures(_measured(speaker, "clips", extra, clip, _measure_clips)),
        },
        "third_turn": {
            "scenes": extra,
            **figures(_measured(speaker, "conversations", extra, still, _measure_third_turns)),
        },
        "two_pictures": {
            "scenes": extra,
            **figures(_measured(speaker, "pairs", extra, pair, _measure_pairs)),
        },
        "seconds": round(time.monotonic() - began, 1),
    }


def _measured(
    speaker: Speaker,
    name: str,
    count: int,
    make: Callable[[int], T],
    measure: Callable[[Speaker, Sequence[tuple[int, T]], Record], None],
) -> Record:
    """Measure ``count`` examples in batches, with a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    record = Record()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=count)
        for start in range(0, count, BATCH):
            group = [(index, make(index)) for index in range(start, min(count, start + BATCH))]
            measure(speaker, group, record)
            bar.advance(task, len(group))
    return record


def _measure_scenes(speaker: Speaker, group: Sequence[tuple[int, Scene]], record: Record) -> None:
    replies = speaker.replies([Dialogue((scene.image,), (PROMPT,)) for _, scene in group])
    for (index, scene), reply in zip(group, replies, strict=True):
        _mark_caption(speaker, index, reply, _truth(scene), record)
    posed = [
        (index, scene, item)
        for index, scene in group
        for item in questions(scene, _generator(scene.seed), QUESTIONS)
    ]
    replies = speaker.replies([Dialogue((scene.image,), (item.text,)) for _, scene, item in posed])
    for (index, _, item), reply in zip(posed, replies, strict=True):
        _mark_answer(index, item, reply, record)


def _measure_clips(speaker: Speaker, group: Sequence[tuple[int, Clip]], record: Record) -> None:
    replies = speaker.replies([Dialogue((clip.frames,), (CLIP_PROMPTS[0],)) for _, clip in group])
    for (index, clip), reply in zip(group, replies, strict=True):
        _mark_caption(speaker, index, reply, _clip_truth(clip), record)
    posed = [
        (index, clip, item)
        for index, clip in group
        for item in clip_questions(clip, _generator(clip.seed), QUESTIONS)
    ]
    replies = speaker.replies([Dialogue((clip.frames,), (item.text,)) for _, clip, item in posed])
    for (index, _, item), reply in zip(posed, replies, strict=True):
        _mark_answer(index, item, reply, record)


def _measure_third_turns(
    speaker: Speaker, group: Sequence[tuple[int, Scene]], record: Record
) -> None:
    """Ask a question, a follow-up question and for the caption, each after the model's replies."""
    texts: list[tuple[str, ...]] = [() for _ in group]
    before: list[Question] = []
    for turn in range(2):
        current = []
        for at, (_, scene) in enumerate(group):
            rng = _generator(scene.seed)
            posed = questions(scene, rng, QUESTIONS)
            following = follow_up(scene.objects, before[at], rng) if turn else posed[0]
            current.append(following or posed[-1])
        texts = [(*text, item.text) for text, item in zip(texts, current, strict=True)]
        replies = _replies(speaker, group, texts)
        for (index, _), item, reply in zip(group, current, replies, strict=True):
            _mark_answer(index, item, reply, record)
        texts = [(*text, reply.text) for text, reply in zip(texts, replies, strict=True)]
        before = current
    replies = _replies(speaker, group, [(*text, PROMPT) for text in texts])
    for (index, scene), reply in zip(group, replies, strict=True):
        _mark_caption(speaker, index, reply, _truth(scene), record)


def _replies(
    speaker: Speaker, group: Sequence[tuple[int, Scene]], texts: Sequence[tuple[str, ...]]
) -> list[Reply]:
    shown = [(scene.image,) for _, scene in group]
    return speaker.replies([Dialogue(*item) for item in zip(shown, texts, strict=True)])


def _measure_pairs(
    speaker: Speaker, group: Sequence[tuple[int, tuple[Scene, Scene]]], record: Record
) -> None:
    posed = [
        (index, pair, item)
        for index, pair in group
        for item in pair_questions(pair, _generator(pair[0].seed), QUESTIONS)
    ]
    replies = speaker.replies(
        [Dialogue((first.image, second.image), (item.text,)) for _, (first, second), item in posed]
    )
    for (index, _, item), reply in zip(posed, replies, strict=True):
        if item.kind == "caption":
            _count_pairs(index, reply, stated_pairs(item.answer), record)
        else:
            _mark_answer(index, item, reply, record)


def _mark_caption(speaker: Speaker, index: int, reply: Reply, truth: Truth, record: Record) -> None:
    _count_pairs(index, reply, set(truth), record)
    record.words += word_records(speaker, reply, truth, index)


def _count_pairs(index: int, reply: Reply, true: set[tuple[str, str]], record: Record) -> None:
    stated = stated_pairs(reply.text)
    record.captions.append((index, len(stated & true), len(stated), len(true)))


def _mark_answer(index: int, item: Question, reply: Reply, record: Record) -> None:
    record.answers.append((index, item.kind, reply.text == item.answer))


def _truth(scene: Scene) -> Truth:
    return {item.pair: item.mask[None] for item in scene.objects}


def _clip_truth(clip: Clip) -> Truth:
    """Return where each object is visible in either frame of each grid."""
    truth = {}
    for item in clip.objects:
        both = item.mask.reshape(-1, TEMPORAL_PATCH_SIZE, *item.mask.shape[1:])
        truth[item.pair] = np.asarray(both.any(axis=1))
    return truth


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 3])


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tam.scenes.check", description=__doc__)
    parser.add_argument("--model", default="small", help="a shipped model's name, or a folder")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--split", choices=[n for n in SPLITS if n != "train"], default="test")
    parser.add_argument("--difficulty", choices=sorted(DIFFICULTIES))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args(arguments)
    if given.scenes < 1:
        parser.error("--scenes must be at least 1")
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = weights_folder(given.model) if given.model in SHIPPED else Path(given.model)
    if not (folder / "config.json").exists():
        parser.error(f"no model in {folder}; pass a folder with config.json, or one of {SHIPPED}")
    figures_found = check(
        folder, scenes=given.scenes, split=given.split, difficulty=given.difficulty
    )
    report = {"model": given.model, **figures_found}
    if given.json:
        print(json.dumps(report))
    else:
        print_report(report)


if __name__ == "__main__":
    with ended_in_one_line():
        main()
