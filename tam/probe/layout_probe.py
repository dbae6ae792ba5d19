"""The layout probe, which checks an adapter's vision layout by changing pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.capture.access import exclusive
from tam.errors import ModelError
from tam.families.adapter import Adapter, Encoded, PlacedMedia
from tam.families.processor import Processor
from tam.families.registry import adapter_for
from tam.geometry.layout import VisionLayout
from tam.media.media import Media
from tam.probe.blocks import Block, Resampling, choose_blocks, tokens_of
from tam.probe.centres import Response, mean_offset, misplaced, response_to
from tam.probe.vision_features import attention_off, text_features, vision_features
from tam.prompt.conversation import question
from tam.prompt.encoding import Prompt, encode

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PROMPT = "What is in the picture?"


@dataclass(frozen=True)
class BlockResult:
    """The effect of changing one block.

    Parameters
    ----------
    block
        The original pixels that were changed.
    changed
        Sequence positions whose features changed.
    missed
        Positions that should have changed, by the layout, but did not.
    unexpected
        Positions that changed but should not have, by the layout.
    response
        For a convolutional tower, the response; None if the change was judged token by token.
    """

    block: Block
    changed: tuple[int, ...]
    missed: tuple[int, ...]
    unexpected: tuple[int, ...]
    response: Response | None = None


@dataclass(frozen=True)
class LayoutReport:
    """The result of a layout probe.

    Parameters
    ----------
    results
        The results, one for each block.
    unplaced
        Positions with vision features that are missing from the layout.
    without_vision
        Positions of cells that have text embeddings instead of vision features.
    """

    results: tuple[BlockResult, ...]
    unplaced: tuple[int, ...]
    without_vision: tuple[int, ...]

    @property
    def missed(self) -> int:
        """Number of tokens that should have changed but did not, over all blocks."""
        return sum(len(result.missed) for result in self.results)

    @property
    def unexpected(self) -> int:
        """Number of tokens that changed but should not have, over all blocks."""
        return sum(len(result.unexpected) for result in self.results)

    @property
    def drifted(self) -> bool:
        """Whether a convolutional tower's responses are consistently off to one side."""
        return mean_offset([r.response for r in self.results if r.response]) > 0.5

    @property
    def passed(self) -> bool:
        """Whether at least one block was probed and nothing was wrong."""
        wrong = self.missed or self.unexpected or self.unplaced or self.without_vision
        return bool(self.results) and not wrong and not self.drifted

    def __str__(self) -> str:
        lines = [
            f"{len(self.results)} blocks: {self.missed} tokens missed, "
            f"{self.unexpected} unexpected, {len(self.unplaced)} not in the layout, "
            f"{len(self.without_vision)} cells without vision features"
        ]
        if self.drifted:
            lines.append(
                "  on average, changes lie more than half a cell to one side of the blocks"
            )
        for result in self.results:
            if result.missed or result.unexpected:
                lines.append(
                    f"  {result.block}: changed {list(result.changed)}, "
                    f"missed {list(result.missed)}, unexpected {list(result.unexpected)}"
                )
        return "\n".join(lines)


def probe_layout(
    model: "PreTrainedModel",
    processor: Processor,
    media: Sequence[Media],
    *,
    adapter: Adapter | None = None,
    cell_pixels: tuple[int, int] | None = None,
    resize_radius: int | None = None,
    random_cells: int = 4,
    seed: int = 0,
    tolerance: float = 1e-6,
) -> LayoutReport:
    """Change blocks of the original pictures and compare the changed tokens with the layout.

    Hooks switch off the vision tower's attention, so that a token depends only on its own patches.
    The features of the tokens are read at the input of the language model, which does not run
    itself. Which tokens must and may change is known exactly; see :mod:`tam.probe.blocks`.

    Parameters
    ----------
    model, processor
        A transformers model and its processor; random weights are sufficient.
    media
        The media of one user turn, for example from :func:`probe_picture`. The same one may occur
        twice.
    adapter
        The adapter to test. The default is the adapter registered for the model's type.
    cell_pixels
        (height, width) of one vision token in pixels of the model's input. The default is the
        adapter's, or else patch size times merge size from the vision configuration.
    resize_radius
        Half width of the processor's resampling kernel: 1 bilinear, 2 bicubic, 3 Lanczos. The
        default is the adapter's.
    random_cells
        How many cells to probe in each grid, in addition to its corners and its middle.
    seed
        Seed for the choice of blocks.
    tolerance
        A token counts as changed if its features differ by more than this share of the largest
        feature. The default allows for rounding; a tower quantised to 8 bits rounds all tokens
        jointly and needs about 0.05.

    Returns
    -------
    LayoutReport
        ``report.passed`` is the verdict, and ``str(report)`` describes any errors. Media thinner
        than one pixel of the model's input give no blocks.

    Raises
    ------
    ModelError
        If the size of a cell is unknown, or the tower has no attention to switch off.
    """
    adapter = adapter if adapter is not None else adapter_for(model.config)
    cell = cell_pixels or adapter.cell_pixels(model.config, processor)
    height, width = cell or _cell_pixels(model.config)
    resampling = Resampling(
        height, width, adapter.resize_radius if resize_radius is None else resize_radius
    )
    pictures = list(media)
    with exclusive(model), attention_off(model, adapter):
        prompt = encode(processor, question(pictures, _PROMPT), adapter)
        layout = _layout(adapter, model, processor, prompt, pictures)
        before = vision_features(model, adapter, prompt)
        blocks = choose_blocks(layout, pictures, resampling, random_cells=random_cells, seed=seed)
        results = []
        for block in blocks:
            altered = encode(processor, question(_altered(pictures, block), _PROMPT), adapter)
            after = vision_features(model, adapter, altered)
            changed = _changed(before, after, tolerance)
            result = _result(block, changed, layout, resampling)
            if adapter.convolutional and tokens_of(layout, block, resampling)[1]:
                result = _result_by_centre(block, changed, np.abs(before - after), layout)
            results.append(result)
    vision = _changed(before, text_features(model, prompt), tolerance)
    cells = set(layout.positions.tolist())
    return LayoutReport(
        results=tuple(results),
        unplaced=tuple(sorted(vision - cells - set(layout.separators.tolist()))),
        without_vision=tuple(sorted(cells - vision)),
    )


def _layout(
    adapter: Adapter,
    model: "PreTrainedModel",
    processor: Processor,
    prompt: Prompt,
    media: list[Media],
) -> VisionLayout:
    placed = [PlacedMedia(item, 0) for item in media]
    return adapter.vision_layout(
        Encoded(prompt.ids, prompt.arrays, placed, model.config, processor)
    )


def _cell_pixels(config: Any) -> tuple[int, int]:
    vision = getattr(config, "vision_config", None)
    patch = getattr(vision, "patch_size", None)
    if not isinstance(patch, int):
        raise ModelError(
            "the configuration does not state how many input pixels a vision token covers",
            where="vision_config.patch_size",
            remedy="pass cell_pixels",
        )
    side = patch * int(getattr(vision, "spatial_merge_size", 1))
    return side, side


def _altered(media: list[Media], block: Block) -> list[Media]:
    """Return the media with one block set to black or white, whichever is further from its mean."""
    frames = media[block.media].frames.copy()
    pixels = frames[block.frame, block.y0 : block.y1, block.x0 : block.x1]
    pixels[:] = np.where(pixels.mean(axis=(0, 1)) < 128, 255, 0)
    altered = replace(media[block.media], frames=frames)
    return [altered if index == block.media else item for index, item in enumerate(media)]


def _changed(before: NDArray[np.float32], after: NDArray[np.float32], tolerance: float) -> set[int]:
    if before.shape != after.shape:
        raise ModelError(
            f"the prompt has {len(before)} tokens, but {len(after)} with other pixels",
            where="layout probe",
            remedy="turn off any pruning of tokens by their content",
        )
    # An unchanged token is the same sum of the same numbers, so it differs by rounding at most.
    threshold = tolerance * np.abs(before).max()
    return set(np.flatnonzero(np.abs(before - after).max(axis=1) > threshold).tolist())


def _result(
    block: Block, changed: set[int], layout: VisionLayout, resampling: Resampling
) -> BlockResult:
    must, may = tokens_of(layout, block, resampling)
    return BlockResult(
        block=block,
        changed=tuple(sorted(changed)),
        missed=tuple(sorted(must - changed)),
        unexpected=tuple(sorted(changed - may)),
    )


def _result_by_centre(
    block: Block, changed: set[int], change: NDArray[np.float32], layout: VisionLayout
) -> BlockResult:
    """Judge a change by its centre and width, because nearly all tokens change."""
    response = response_to(block, np.linalg.norm(change, axis=1), layout)
    wrong = misplaced(response)
    return BlockResult(
        block=block,
        changed=tuple(sorted(changed)),
        missed=(response.expected,) if wrong else (),
        unexpected=(response.strongest,) if wrong else (),
        response=response,
    )
