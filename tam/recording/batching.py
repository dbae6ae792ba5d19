"""Answering many conversations in batches."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from tam.capture import fitting_parts
from tam.capture.memory import memory_errors
from tam.capture.refusals import FOREIGN_ERRORS, one_line
from tam.errors import ConversationError, ResourceError, TamError
from tam.families.checkpoint import Checkpoint
from tam.prompt.conversation import Conversation
from tam.recording.prepared import Prepared, prepare
from tam.recording.recording import Recording, record, record_batch


def recordings(
    checkpoint: Checkpoint,
    conversations: Iterable[Callable[[], Conversation]],
    batch_size: int,
    options: Mapping[str, Any],
    template_variables: Mapping[str, Any] | None = None,
) -> Iterator[Recording | TamError]:
    """Answer conversations in order, ``batch_size`` at a time.

    The next batch is opened and encoded while the model answers the current one. Conversations
    whose pictures or clips cannot be batched without padding are answered in separate parts. If
    memory runs out, a part is halved. Families whose prompts cannot be padded are answered one at a
    time.

    Parameters
    ----------
    checkpoint
        The model that answers.
    conversations
        Functions that each return one conversation; they are called in another thread.
    batch_size
        The largest number of conversations to answer at once.
    options
        Options of transformers' ``generate``.
    template_variables
        Further variables of the chat template, as in :func:`tam.prompt.encoding.encode`.

    Yields
    ------
    Recording or TamError
        The recording of each conversation, or the error that prevented its answer.
    """
    remaining = iter(conversations)
    with ThreadPoolExecutor(1) as pool:

        def encode_next() -> list[Future[Prepared | TamError]]:
            return [
                pool.submit(_prepared, checkpoint, make, template_variables)
                for make in islice(remaining, batch_size)
            ]

        encoding = encode_next()
        while encoding:
            batch = [future.result() for future in encoding]
            encoding = encode_next()
            ready = [item for item in batch if isinstance(item, Prepared)]
            answered = iter(_answered(checkpoint, ready, options))
            for item in batch:
                yield next(answered) if isinstance(item, Prepared) else item


def _prepared(
    checkpoint: Checkpoint,
    make: Callable[[], Conversation],
    template_variables: Mapping[str, Any] | None,
) -> Prepared | TamError:
    try:
        return prepare(checkpoint, make(), template_variables)
    except TamError as error:
        return error
    except FOREIGN_ERRORS as error:
        return ConversationError(
            f"the question cannot be read ({one_line(error)})",
            where="question",
            remedy="give a pair of media and prompt, or a Conversation",
        )


def _answered(
    checkpoint: Checkpoint, batch: Sequence[Prepared], options: Mapping[str, Any]
) -> list[Recording | TamError]:
    """Answer a batch in parts: conversations whose inputs have the same shapes form one part."""
    results: dict[int, Recording | TamError] = {}
    for part in fitting_parts([prepared.request.inputs for prepared in batch]):
        answered = _together(checkpoint, [batch[index] for index in part], options)
        results |= dict(zip(part, answered, strict=True))
    return [results[index] for index in range(len(batch))]


def _together(
    checkpoint: Checkpoint, batch: Sequence[Prepared], options: Mapping[str, Any]
) -> list[Recording | TamError]:
    """Answer a part at once, or in halves if memory runs out, or one by one if any fails."""
    if len(batch) > 1 and checkpoint.adapter.batches:
        try:
            with memory_errors():
                return record_batch(checkpoint, batch, options)
        except ResourceError:
            warnings.warn(
                f"memory ran out with {len(batch)} prompts at once; continuing with half of them",
                stacklevel=2,
            )
            half = len(batch) // 2
            return _together(checkpoint, batch[:half], options) + _together(
                checkpoint, batch[half:], options
            )
        except TamError:
            # Each conversation is answered separately below, which shows where the error belongs.
            pass
    return [_alone(checkpoint, prepared, options) for prepared in batch]


def _alone(
    checkpoint: Checkpoint, prepared: Prepared, options: Mapping[str, Any]
) -> Recording | TamError:
    try:
        with memory_errors():
            return record(checkpoint, prepared, None, options)
    except TamError as error:
        return error
