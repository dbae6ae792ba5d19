"""Replies of a model to batches of questions, with the states that predicted their tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

LONGEST = 72
"""The largest number of tokens of a reply."""


@dataclass(frozen=True)
class Dialogue:
    """A conversation that ends with a question.

    ``media`` are pictures uint8 [H, W, 3] or one clip uint8 [T, H, W, 3]; ``turns`` are the user's
    texts and the replies so far, alternating and ending with the user's.
    """

    media: tuple[NDArray[np.uint8], ...]
    turns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reply:
    """A reply: its text, prompt and reply ids int64 [S], prompt length, states.

    ``states`` [S - 1, D] are the final-normed last states of every position except the last;
    ``grids`` are the (h, w) of every grid of vision tokens.
    """

    text: str
    ids: "torch.Tensor"
    prompt: int
    states: "torch.Tensor"
    grids: tuple[tuple[int, int], ...]


class Speaker:
    """A loaded model, from any folder with a Qwen2-VL model and processor."""

    def __init__(self, folder: Path) -> None:
        import transformers

        self.processor = transformers.AutoProcessor.from_pretrained(folder)
        self.processor.tokenizer.padding_side = "left"
        self.model: Any = transformers.AutoModelForImageTextToText.from_pretrained(
            folder, dtype="float32"
        )

    def replies(self, dialogues: Sequence[Dialogue]) -> list[Reply]:
        """Generate the replies to dialogues whose media have one kind and size."""
        import torch

        texts = [
            self.processor.apply_chat_template(_messages(item), add_generation_prompt=True)
            for item in dialogues
        ]
        media = [medium for item in dialogues for medium in item.media]
        kind = "videos" if media[0].ndim == 4 else "images"
        inputs = self.processor(text=texts, padding=True, return_tensors="pt", **{kind: media})
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                max_new_tokens=LONGEST,
                do_sample=False,
                output_hidden_states=True,
                return_dict_in_generate=True,
            )
        states = torch.cat([step[-1] for step in output.hidden_states], dim=1)
        shapes = inputs["video_grid_thw" if kind == "videos" else "image_grid_thw"].tolist()
        grids = [(h, w) for t, h, w in shapes for _ in range(t)]
        each = len(grids) // len(dialogues)
        pads = (inputs["attention_mask"] == 0).sum(1).tolist()
        length = inputs["input_ids"].shape[1]
        ends = output.sequences[:, length:] == self.model.generation_config.eos_token_id
        found = []
        for row, pad in enumerate(pads):
            at = ends[row].nonzero()
            stop = length + int(at[0]) if len(at) else output.sequences.shape[1]
            ids = output.sequences[row, pad:stop]
            text = self.processor.decode(ids[length - pad :]).strip()
            own = tuple(grids[row * each : (row + 1) * each])
            found.append(Reply(text, ids, length - pad, states[row, pad : stop - 1], own))
        return found


def _messages(dialogue: Dialogue) -> list[dict[str, Any]]:
    kind = "video" if dialogue.media[0].ndim == 4 else "image"
    first = [
        *({"type": kind} for _ in dialogue.media),
        {"type": "text", "text": dialogue.turns[0]},
    ]
    later = [
        {"role": ("user", "assistant")[number % 2], "content": text}
        for number, text in enumerate(dialogue.turns)
        if number
    ]
    return [{"role": "user", "content": first}, *later]
