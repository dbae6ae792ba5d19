"""Batches of questions, each answered and recorded as it would be on its own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any

from tam.capture.settings import generation_settings
from tam.errors import InputError, TamError
from tam.explanation.explanation import Explanation
from tam.families.checkpoint import Checkpoint
from tam.model.options import Asked, Question
from tam.recording.answers import Answer
from tam.recording.batching import recordings
from tam.recording.recording import Recording, with_candidates
from tam.recording.running import run, with_seed

Answers = Answer | Sequence[Answer]
"""One answer for all questions, or one for each (None where the model writes the reply)."""


def answered(
    checkpoint: Checkpoint,
    questions: Iterable[Question],
    answers: Answers,
    asked: Asked,
    batch_size: int,
) -> Iterator[Recording | TamError]:
    """Answer questions, several at a time where this does not change the replies.

    Questions with a given answer, and replies sampled with a seed, are processed one at a time.

    Yields
    ------
    The recording of each question, in order, or the error that prevented an answer.

    Raises
    ------
    InputError
        If the number of answers differs from the number of questions.
    """
    if isinstance(questions, Sized) and _none_given(answers):
        answers = None
    if _one_for_all(answers):
        if answers is None and not _is_seeded(checkpoint, asked):
            yield from _together(checkpoint, questions, asked, batch_size)
            return
        each: Iterator[Any] = repeat(answers)
    else:
        each = iter(answers or ())
    for item in questions:
        try:
            answer: Any = next(each)
        except StopIteration:
            raise _mismatch() from None
        yield _alone(checkpoint, item, replace(asked, answer=answer))
    if not isinstance(each, repeat) and list(each):
        raise _mismatch()


def explained(
    found: Iterator[Recording | TamError],
    explain: Callable[[Recording], Explanation | TamError],
    most: int,
) -> Iterator[Explanation | TamError]:
    """Explain recordings, if possible while the model answers the next questions.

    Parameters
    ----------
    found
        From :func:`answered`.
    explain
        Explains a recording, or returns the error raised by doing so.
    most
        The largest number of recordings that wait for the other thread; 0 explains each in this
        thread before the next is answered.

    Yields
    ------
    Explanation or TamError
        The explanation of each recording, in order, or the error in its place.
    """
    if most == 0:
        yield from (_explained(item, explain) for item in found)
        return
    waiting: deque[Future[Explanation | TamError]] = deque()
    pool = ThreadPoolExecutor(1)
    try:
        for item in found:
            waiting.append(pool.submit(_explained, item, explain))
            while waiting and (len(waiting) > most or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except TamError:
        while waiting:
            yield waiting.popleft().result()
        raise
    finally:
        # An abandoned iterator is closed wherever garbage is collected, perhaps by a thread that
        # holds the model, for which the other thread waits. So nothing may wait for that thread.
        pool.shutdown(wait=False, cancel_futures=True)


def _explained(
    item: Recording | TamError, explain: Callable[[Recording], Explanation | TamError]
) -> Explanation | TamError:
    return item if isinstance(item, TamError) else explain(item)


def check_answers(questions: Iterable[Question], answers: Answers) -> None:
    """Refuse answers that do not match the number of questions, where it is known.

    Raises
    ------
    InputError
        If the numbers differ.
    """
    if _one_for_all(answers) or not isinstance(questions, Sized):
        return
    if len(questions) != len(answers or ()):
        raise _mismatch()


def _one_for_all(answers: Answers) -> bool:
    if answers is None or isinstance(answers, str):
        return True
    return len(answers) > 0 and not any(
        answer is None or isinstance(answer, str | Sequence) for answer in answers
    )


def _none_given(answers: Answers) -> bool:
    """Whether the model writes every reply, where a list has one answer for each question."""
    return not _one_for_all(answers) and all(answer is None for answer in answers or ())


def _is_seeded(checkpoint: Checkpoint, asked: Asked) -> bool:
    """Whether replies are sampled with a seed; in a batch they would share one generator."""
    default = generation_settings(checkpoint.module, asked.generation).do_sample
    return asked.seed is not None and bool(asked.generation.get("do_sample", default))


def _together(
    checkpoint: Checkpoint, questions: Iterable[Question], asked: Asked, batch_size: int
) -> Iterator[Recording | TamError]:
    makers = (partial(asked.open, item) for item in questions)
    for found in recordings(checkpoint, makers, batch_size, asked.generation, asked.template):
        if isinstance(found, TamError):
            yield found
        else:
            yield with_seed(with_candidates(found, asked.candidate_maps), asked.seed)


def _alone(checkpoint: Checkpoint, item: Question, asked: Asked) -> Recording | TamError:
    try:
        return run(checkpoint, asked.open(item), **asked.running)
    except TamError as error:
        return error


def _mismatch() -> InputError:
    return InputError(
        "there are not as many answers as questions",
        where="answer",
        remedy="give one for all, or one for each question (None where the model is to write it)",
    )
