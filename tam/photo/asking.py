"""Ask the photo model short questions about many pictures, in batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam.model.model import Model
from tam.text.tokenizer import Tokenizer

Picture = NDArray[np.uint8]


def replies(
    model: Model,
    pictures: Sequence[Picture],
    question: str,
    *,
    max_new_tokens: int = 20,
    batch: int = 8,
) -> list[str]:
    """Ask the same question about each picture, with greedy decoding.

    Parameters
    ----------
    model
        The photo model. All its prompts with the same question have the same length.
    pictures
        uint8 [H, W, 3] each.
    question
        The question.
    max_new_tokens, batch
        Longest reply in tokens; pictures per batch.

    Returns
    -------
    The reply for each picture.
    """
    answers: list[str] = []
    for part in (list(pictures[i : i + batch]) for i in range(0, len(pictures), batch)):
        inputs = _inputs(model, part, question)
        with torch.inference_mode():
            writer: Any = model.module
            ids = writer.generate(
                **inputs, do_sample=False, max_new_tokens=max_new_tokens, pad_token_id=2
            )
        new = ids[:, inputs["input_ids"].shape[1] :]
        tokenizer = _tokenizer(model)
        answers += [tokenizer.decode(row, skip_special_tokens=True).strip() for row in new]
    return answers


def preference(
    model: Model, picture: Picture, question: str, answers: Sequence[str]
) -> list[float]:
    """Return the log-probability of each whole answer for one picture, in nats."""
    inputs = _inputs(model, [picture], question)
    log_probabilities = []
    for answer in answers:
        ids = _tokenizer(model)(answer, add_special_tokens=False, return_tensors="pt").input_ids
        whole = torch.cat([inputs["input_ids"], ids], 1)
        with torch.inference_mode():
            logits = model.module(
                input_ids=whole, pixel_values=inputs["pixel_values"], use_cache=False
            ).logits[0, -len(ids[0]) - 1 : -1]
        chosen = logits.float().log_softmax(-1).gather(1, ids[0][:, None])
        log_probabilities.append(float(chosen.sum()))
    return log_probabilities


def _inputs(model: Model, pictures: Sequence[Picture], question: str) -> Any:
    content = [{"type": "image"}, {"type": "text", "text": question}]
    prompt = model.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    return model.processor(
        images=list(pictures), text=[prompt] * len(pictures), return_tensors="pt"
    )


def _tokenizer(model: Model) -> Tokenizer:
    return model.processor.tokenizer
