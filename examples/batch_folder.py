"""Explain every picture of a folder: a report for each, and one table of all words.

    python examples/batch_folder.py [FOLDER] [OUT] [MODEL]

Without a folder, it explains three generated scenes. A picture that cannot be used is reported and
skipped; one that was already explained is not explained again, so an interrupted run can
be resumed.
"""

import csv
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import tam
from tam.render.table import words_csv
from tam.scenes.files import write_scene
from tam.scenes.world import make_scene

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
PROMPT = "Describe this image."
BATCH = 4


def write_scenes(folder: Path) -> Path:
    """Write three generated scenes to a folder and return it."""
    folder.mkdir(exist_ok=True)
    for seed in range(3):
        write_scene(make_scene(seed).image, folder / f"scene-{seed}.png")
    return folder


def write_table(folders: list[Path], path: Path) -> None:
    """Write the words of saved explanations to one table whose first column names the picture."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        for index, folder in enumerate(folders):
            header, *rows = csv.reader(words_csv(tam.load_explanation(folder)).splitlines())
            if index == 0:
                writer.writerow(["picture", *header])
            writer.writerows([folder.name, *row] for row in rows)


def main() -> None:
    """Explain every picture of a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else write_scenes(Path("scenes"))
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "batch_folder_out")
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    waiting = [picture for picture in pictures if not (out / picture.name).exists()]
    model = tam.load(sys.argv[3] if len(sys.argv) > 3 else "small")
    questions = ((picture, PROMPT) for picture in waiting)
    results = model.explain_batch(questions, batch_size=BATCH, keep_going=True)
    # Reports are written while the model answers the next pictures.
    saving: deque[Future[Path]] = deque()
    with ThreadPoolExecutor(1) as writer:
        for picture, result in zip(waiting, results, strict=True):
            if isinstance(result, tam.TamError):
                print(f"left out: {result}")
                continue
            print(f"{picture.name}: {result.text}")
            saving.append(writer.submit(result.save, out / picture.name))
            while len(saving) > BATCH:
                saving.popleft().result()
        for saved in saving:
            saved.result()
    write_table([f for p in pictures if (f := out / p.name).exists()], out / "words.csv")
    print(out / "words.csv")


if __name__ == "__main__":
    main()
