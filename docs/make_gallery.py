"""Make the reports that docs/gallery.md shows, with the bundled model ``small``.

Each page is a real run: the model answers, and the report is what `result.save` writes. The text of
docs/gallery.md says what to look at.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

import tam
from tam.report import comparison_html, report_html
from tam.scenes.world import make_scene

ROOT = Path(__file__).parent.parent
DEMO = str(ROOT / "tam" / "scenes" / "demo.png")
DESCRIBE = "Describe this image."


def scene(seed: int, count: int) -> tam.Media:
    """Draw a scene with ``count`` objects, of the kind that the model was trained on."""
    return tam.open_image(make_scene(seed, objects=(count, count)).image)


def panning_clip(frames: int = 8, side: int = 128) -> tam.Media:
    """Pan a square view from left to right over a wide scene, at two frames a second."""
    wide = make_scene(3, height=side, width=2 * side, objects=(3, 3)).image
    lefts = np.linspace(0, side, frames).astype(int)
    views = np.stack([wide[:, left : left + side] for left in lefts])
    return tam.Media(views, np.arange(frames) / 2, "panning view", "video")


def conversation(model: tam.Model) -> tam.Explanation:
    """Ask three questions about one picture."""
    chat = model.chat()
    chat.say(DESCRIBE, [DEMO])
    chat.say("How many objects are there?")
    return chat.say("What color is the circle?")


def checked(model: tam.Model) -> tam.Explanation:
    """Measure whether the model used what the maps of three words mark."""
    result = model.explain(scene(11, 2), DESCRIBE)
    return model.check(result, [word for word in result.words if len(word.text) > 3][:3])


def compared(model: tam.Model) -> str:
    """Compare the maps of two methods for one reply side by side."""
    picture = scene(5, 2)
    first = model.explain(picture, DESCRIBE)
    second = model.explain(picture, DESCRIBE, method="tam-plus", answer=first.text)
    return comparison_html([first, second], ["tam", "tam-plus"])


PAGES: dict[str, Callable[[tam.Model], tam.Explanation | str]] = {
    "picture": lambda model: model.explain(DEMO, DESCRIBE),
    "two-pictures": lambda model: model.explain([scene(7, 1), scene(8, 1)], "What is shown?"),
    "clip": lambda model: model.explain(panning_clip(), "Describe this video."),
    "conversation": conversation,
    "candidates": lambda model: model.explain(scene(2, 2), DESCRIBE, candidate_maps=4),
    "stages": lambda model: model.explain(scene(4, 3), DESCRIBE, stages=True),
    "given-text": lambda model: model.explain(
        scene(9, 1), DESCRIBE, answer="A small red circle and a large green star."
    ),
    "checked": checked,
    "gradients": lambda model: model.explain(scene(6, 2), DESCRIBE, method="grad-cam"),
    "methods": compared,
}


def make_gallery(folder: Path) -> None:
    """Explain each example and write its page."""
    folder.mkdir(parents=True, exist_ok=True)
    model = tam.load("small")
    for name, make in PAGES.items():
        made = make(model)
        page = made if isinstance(made, str) else report_html(made)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
