"""Where the pixels of a tower's input come from: padding, resizing and cropping undone."""

from dataclasses import dataclass
from typing import Any

from tam.errors import ModelError
from tam.geometry.layout import Box


@dataclass(frozen=True)
class Axis:
    """One axis of a tower's input, in pixels of the original picture.

    Parameters
    ----------
    length
        Number of pixels of the input.
    start
        Where the first pixel begins in the original; negative if padding comes first.
    step
        Original pixels per pixel of the input.
    """

    length: int
    start: float
    step: float


@dataclass(frozen=True)
class Framing:
    """The part of a picture that a fixed-size image processor shows."""

    y: Axis
    x: Axis

    def box(self, height: int, width: int) -> Box:
        """Return the box, in original pixels, of the input's top left ``height × width`` pixels.

        The box extends beyond the picture where the processor padded it.
        """
        right = self.x.start + width * self.x.step
        bottom = self.y.start + height * self.y.step
        return (self.x.start, self.y.start, right, bottom)


def framing(image_processor: Any, height: int, width: int) -> Framing:
    """Read the framing of a ``height × width`` picture from an image processor.

    The steps are those of the processors of CLIP, SigLIP and LLaVA, in their order and with their
    integer rounding: pad to a centred square, resize, crop the centre. Each is applied only where
    the processor applies it.

    Raises
    ------
    ModelError
        If the processor resizes or pads by an unknown rule.
    """
    top, left, padded_height, padded_width = _pad_to_square(image_processor, height, width)
    resized = _resized(image_processor, padded_height, padded_width)
    crop_height, crop_width = _cropped(image_processor, resized)
    return Framing(
        y=_axis(image_processor, top, padded_height, resized[0], crop_height),
        x=_axis(image_processor, left, padded_width, resized[1], crop_width),
    )


def letterbox(image_processor: Any, height: int, width: int) -> Framing:
    """Read the framing of a ``height × width`` picture from a DeepSeek image processor.

    The processor scales the longer side to the side of the square, keeping the aspect ratio, and
    pads the rest on both sides. A processor with two sizes pads to the larger and then downsamples
    to the smaller.
    """
    side = int(dict(getattr(image_processor, "high_res_size", image_processor.size))["height"])
    scale = side / max(height, width)
    final = int(dict(image_processor.size)["height"])
    return Framing(
        y=_letterboxed(height, side, max(round(height * scale), image_processor.min_size), final),
        x=_letterboxed(width, side, max(round(width * scale), image_processor.min_size), final),
    )


def _letterboxed(length: int, side: int, resized: int, final: int) -> Axis:
    step = length / resized
    return Axis(length=final, start=-((side - resized) // 2) * step, step=step * side / final)


def _pad_to_square(image_processor: Any, height: int, width: int) -> tuple[int, int, int, int]:
    if not getattr(image_processor, "do_pad", False):
        return 0, 0, height, width
    if not hasattr(image_processor, "pad_to_square"):
        raise _unknown(image_processor, "pads pictures by an unknown rule")
    side = max(height, width)
    return (side - height) // 2, (side - width) // 2, side, side


def _resized(image_processor: Any, height: int, width: int) -> tuple[int, int]:
    if not image_processor.do_resize:
        return height, width
    size = dict(image_processor.size)
    if set(size) == {"height", "width"}:
        return int(size["height"]), int(size["width"])
    if set(size) == {"shortest_edge"}:
        short = int(size["shortest_edge"])
        if width <= height:
            return int(short * height / width), short
        return short, int(short * width / height)
    raise _unknown(image_processor, f"resizes pictures by an unknown rule ({size})")


def _cropped(image_processor: Any, resized: tuple[int, int]) -> tuple[int, int]:
    if not getattr(image_processor, "do_center_crop", False):
        return resized
    size = dict(image_processor.crop_size)
    return int(size["height"]), int(size["width"])


def _axis(image_processor: Any, pad: int, padded: int, resized: int, length: int) -> Axis:
    step = padded / resized
    if length <= resized:
        begin = (resized - length) // 2
    elif getattr(image_processor, "backend", "torchvision") == "pil":
        begin = -((length - resized + 1) // 2)
    else:
        begin = -((length - resized) // 2)
    return Axis(length=length, start=begin * step - pad, step=step)


def _unknown(image_processor: Any, what: str) -> ModelError:
    return ModelError(
        what,
        where=type(image_processor).__name__,
        remedy="use the image processor that the checkpoint was published with",
    )
