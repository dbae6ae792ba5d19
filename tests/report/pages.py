"""What the tests look at on an opened page."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page

from tam.explanation.explanation import Explanation
from tam.render import OPACITY, OPACITY_EXPONENT
from tam.render.colors import color

Open = Callable[..., Page]
PHONE: dict[str, Any] = {
    "viewport": {"width": 375, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b>",
    "שלום",
    " cat",
    "👩‍👩‍👧",
    "\u2028",
    "javascript:alert(1)",
    "猫" * 60,
    "w" * 300,
)


def word(page: Page, index: int) -> Locator:
    return page.locator(f".word[data-word='{index}']")


def heading(page: Page) -> str:
    return page.locator(".chosen-word").inner_text()


def index_of(result: Explanation, text: str) -> int:
    words = (*result.prompt_words, *result.words)
    return [item.text for item in words].index(text)


def chosen(page: Page) -> list[str]:
    return page.locator(".word[aria-pressed='true']").all_inner_texts()


def told(page: Page) -> str:
    """What a screen reader was told last."""
    return page.locator("[aria-live=polite]").text_content() or ""


def canvas(page: Page, selector: str = ".heat[data-media='0']") -> NDArray[np.uint8]:
    """RGBA of what is drawn on a canvas, uint8 [H, W, 4]."""
    uri = page.locator(selector).evaluate("(canvas) => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA"))


def assert_shows(drawn: NDArray[np.uint8], heat: NDArray[np.float32]) -> None:
    """The canvas is the map: its opacity everywhere, its color where it is opaque enough."""
    assert drawn.shape[:2] == heat.shape
    alpha = OPACITY * heat.astype(float) ** OPACITY_EXPONENT
    # Steep near zero, where one 8-bit step of the map is several of the opacity.
    slack = np.where(heat < 0.05, 0.03, 0.006)
    assert np.all(np.abs(drawn[..., 3] / 255 - alpha) < slack)
    opaque = drawn[..., 3] > 128
    off = np.abs(drawn[..., :3].astype(float) - color(heat))[opaque]
    assert off.max(initial=0) < 8


def at(page: Page, x: float, y: float, size: tuple[int, int] = (64, 48)) -> tuple[float, float]:
    """Where on the screen a pixel of the first picture is."""
    box = page.locator(".frame").first.bounding_box()
    assert box
    return box["x"] + x / size[0] * box["width"], box["y"] + y / size[1] * box["height"]
