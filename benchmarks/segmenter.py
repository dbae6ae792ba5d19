"""Trains a small segmenter on the words' masks and on true masks, and compares the two.

    python -m benchmarks.segmenter

This is weakly supervised segmentation: a model describes pictures, the maps of its words become
pseudo-masks, and a segmenter learns from them. The pictures are drawn scenes, the classes are the
eight colors (a network learns shapes too, but not in minutes), and pixels outside all masks are
background. Every segmenter is the same network with
the same seed, trained on the same pictures for the same number of steps; only the labels differ.
It is tested on other scenes with true masks.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import tam
from benchmarks.masks import Overlap, explained, mean_iou
from tam.errors import ended_in_one_line
from tam.evaluate.data_sets import open_data
from tam.evaluate.items import Item
from tam.evaluate.measuring import ScoredWords, scored_words
from tam.explanation import strength
from tam.explanation.word import Word
from tam.files.writing import rewriting_file
from tam.media.media import Media
from tam.scenes.world import COLORS

LABELS = "tam,tam+color-affinity,tam-plus+color-affinity,center"
BATCH = 8
WIDTHS = (16, 32, 64)
CLASSES = tuple(COLORS)
STRIDE = 2
"""Pictures and labels are reduced by this factor, so that a run takes a few minutes."""

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Labelled:
    """Pictures with a label for each pixel: the number of a class from 1, or 0 for background.

    Parameters
    ----------
    pictures
        uint8 [P, H, W, 3].
    labels
        int64 [P, H, W].
    """

    pictures: NDArray[np.uint8]
    labels: Labels


class Segmenter(torch.nn.Module):
    """A U-shaped network of three resolutions, with about 0.1 million weights."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.fine = _block(3, first)
        self.middle = _block(first, second)
        self.coarse = _block(second, third)
        self.join_middle = _block(third + second, second)
        self.join_fine = _block(second + first, first)
        self.out = torch.nn.Conv2d(first, len(CLASSES) + 1, 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return logits float32 [B, classes, H, W] of pictures float32 [B, 3, H, W]."""
        fine = self.fine(pictures)
        middle = self.middle(torch.nn.functional.max_pool2d(fine, 2))
        coarse = self.coarse(torch.nn.functional.max_pool2d(middle, 2))
        middle = self.join_middle(torch.cat([_doubled(coarse), middle], 1))
        logits: torch.Tensor = self.out(self.join_fine(torch.cat([_doubled(middle), fine], 1)))
        return logits


def _block(inputs: int, outputs: int) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for width in (inputs, outputs):
        layers += [
            torch.nn.Conv2d(width, outputs, 3, padding=1, bias=False),
            torch.nn.BatchNorm2d(outputs),
            torch.nn.ReLU(),
        ]
    return torch.nn.Sequential(*layers)


def _doubled(values: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(values, scale_factor=2.0)


def true_labels(item: Item) -> Labels:
    """Label the pixels of the classes that are in the picture; their masks do not overlap."""
    labels = np.zeros(next(iter(item.masks.values())).shape, np.int64)
    for number, name in enumerate(CLASSES, 1):
        if item.categories[name] in item.masks:
            labels[item.masks[item.categories[name]]] = number
    return labels[::STRIDE, ::STRIDE]


def pseudo_labels(result: tam.Explanation, item: Item, found: ScoredWords) -> Labels:
    """Label the pixels of the classes that the reply names by the masks of their words.

    The masks are those above Otsu's threshold. Where they overlap, the highest map decides.
    """
    highest = np.zeros(next(iter(item.masks.values())).shape, np.float32)
    labels = np.zeros(highest.shape, np.int64)
    numbers = {item.categories[name]: number for number, name in enumerate(CLASSES, 1)}
    for tokens, category in zip(found.tokens, found.classes, strict=True):
        if category not in numbers or category not in item.masks:
            continue
        word = Word(result, tokens)
        mask = strength.mask(result, word.cells(), threshold="otsu")
        if mask is not None:
            heat = np.where(mask, word.map(0), 0)
            labels[heat > highest] = numbers[category]
            highest = np.maximum(highest, heat)
    return labels[::STRIDE, ::STRIDE]


def picture_of(item: Item) -> NDArray[np.uint8]:
    """Return the only picture of an item, reduced; uint8 [H, W, 3]."""
    (media,) = (part for part in item.conversation.turns[0].parts if isinstance(part, Media))
    return media.frames[0][::STRIDE, ::STRIDE]


def pseudo_labelled(
    items: Sequence[Item], kinds: Sequence[str], model: str
) -> tuple[dict[str, Labelled], int]:
    """Explain every picture and label it by each kind, such as ``tam+color-affinity``.

    Returns
    -------
    The labelled pictures by kind, and the number of those whose reply names no color that is
    there. These have no labels, and are left out of all kinds.
    """
    checkpoint = tam.load(model)
    _, tagger = open_data("scenes", count=0)
    labels: dict[str, list[Labels]] = {kind: [] for kind in kinds}
    pictures = []
    for item in items:
        recording = checkpoint.run(item.conversation)
        found = scored_words(recording.trace, item, tagger)
        made = {
            kind: pseudo_labels(result, item, found)
            for kind in kinds
            for method, _, step in [kind.partition("+")]
            for _, _, result in explained(checkpoint, recording, item, found, [method], [step])
        }
        if made:
            pictures.append(picture_of(item))
            for kind, each in made.items():
                labels[kind].append(each)
    shown = np.stack(pictures)
    found_labels = {kind: Labelled(shown, np.stack(each)) for kind, each in labels.items()}
    return found_labels, len(items) - len(pictures)


def trained(data: Labelled, steps: int, seed: int) -> Segmenter:
    """Train a segmenter with random flips, and a learning rate that falls to zero."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Segmenter()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    pictures, labels = _inputs(data.pictures), torch.from_numpy(data.labels)
    for _ in range(steps):
        chosen = torch.from_numpy(rng.integers(0, len(labels), BATCH))
        axes = [axis for axis in (1, 2) if rng.random() < 0.5]
        shown = pictures[chosen].flip([axis + 1 for axis in axes])
        logits = network(shown)
        loss = torch.nn.functional.cross_entropy(logits, labels[chosen].flip(axes))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def segmented(network: Segmenter, pictures: NDArray[np.uint8]) -> Labels:
    """Return the most probable class of each pixel, int64 [P, H, W]."""
    parts = _inputs(pictures).split(BATCH)
    found: Labels = torch.cat([network(part).argmax(1) for part in parts]).numpy()
    return found


def _inputs(pictures: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5


def label_overlaps(found: Labels, true: Labels) -> list[dict[int, Overlap]]:
    """Compare labels with the true ones: the pixels of each class in both, and in either."""
    return [
        {
            number: Overlap(
                int(((some == number) & (right == number)).sum()),
                int(((some == number) | (right == number)).sum()),
            )
            for number in range(1, len(CLASSES) + 1)
        }
        for some, right in zip(found, true, strict=True)
    ]


def main() -> None:
    """Label, train, test, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--labels", default=LABELS, help="METHOD or METHOD+REFINEMENT, …")
    parser.add_argument("--count", type=int, default=60, help="training scenes of each kind")
    parser.add_argument("--test", type=int, default=50, help="test scenes of each kind")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=1, help="networks for each kind of label")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    splits = ["one", "many"]
    shown = list(open_data("scenes", splits=splits, count=asked.count, world="validation")[0])
    tests = list(open_data("scenes", splits=splits, count=asked.test, world="test")[0])
    start = time.process_time()
    labelled, unnamed = pseudo_labelled(shown, asked.labels.split(","), asked.model)
    print(f"labelled in {time.process_time() - start:.0f} CPU s, {unnamed} left out", flush=True)
    test = Labelled(
        np.stack([picture_of(item) for item in tests]),
        np.stack([true_labels(item) for item in tests]),
    )
    # The same pictures as those with pseudo-labels.
    pictures = next(iter(labelled.values())).pictures
    true = {picture_of(item).tobytes(): true_labels(item) for item in shown}
    right = Labelled(pictures, np.stack([true[picture.tobytes()] for picture in pictures]))
    rows = []
    for kind, data in {"true masks": right, **labelled}.items():
        start = time.process_time()
        overlaps = [
            each
            for seed in range(asked.seeds)
            for each in label_overlaps(
                segmented(trained(data, asked.steps, seed), test.pictures), test.labels
            )
        ]
        own = mean_iou(label_overlaps(data.labels, right.labels))
        rows.append((kind, own, mean_iou(overlaps)))
        print(kind, *rows[-1][1:], f"{time.process_time() - start:.0f} CPU s", flush=True)
    command = (
        f"python -m benchmarks.segmenter --model {asked.model} --count {asked.count} --test "
        f"{asked.test} --steps {asked.steps} --seeds {asked.seeds}"
    )
    text = table(rows, command, len(pictures), len(tests), asked)
    with rewriting_file(asked.out / f"segmenter-{asked.model}.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


Rated = tuple[float, float, float]


def table(
    rows: Sequence[tuple[str, Rated, Rated]],
    command: str,
    pictures: int,
    tests: int,
    asked: argparse.Namespace,
) -> str:
    """Write the table, with a row for each kind of label."""
    lines = [
        f"# A segmenter trained on the words' masks: {asked.model}, drawn scenes",
        "",
        f"`{command}`: {pictures} training pictures, {tests} test pictures, the same network, "
        f"seeds and steps for every row, mean over {asked.seeds} networks. mIoU of the eight "
        "colors in per cent at 64 × 64 pixels, with 95 % bootstrap intervals over pictures.",
        "",
        "| labels | mIoU of the labels, training | mIoU of the segmenter, test | of true masks |",
        "| --- | ---: | ---: | ---: |",
    ]
    best = rows[0][2][0]
    for kind, own, tested in rows:
        cells = [
            f"{100 * v:.0f} [{100 * low:.0f}, {100 * high:.0f}]" for v, low, high in (own, tested)
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} | {tested[0] / best:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
