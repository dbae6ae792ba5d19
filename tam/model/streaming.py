"""Explains words while the model writes them."""

import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Self, Unpack

import torch

from tam.capture.hooks import Logits, States, hooked
from tam.capture.placing import placed
from tam.defaults import KERNEL_SIZE
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.families.checkpoint import Loaded
from tam.methods import Tam, choose
from tam.model.explaining import explain_recording
from tam.model.live_words import LiveWords
from tam.model.options import Options, asked, check_opened
from tam.prompt.conversation import Conversation
from tam.recording.prepared import prepare
from tam.recording.recording import CANDIDATES
from tam.recording.running import run


class Stream:
    """The words of a reply, each with its maps, as they come.

    A word comes when the model has begun the next one, because only then its end is certain. It
    belongs to an explanation of everything that is certain then. The model runs in a thread of its
    own, from the first word that is asked for until the last one or :meth:`close`; leaving the loop
    closes the stream too.

    Where a reply is not written one token after another (beams, assisted or compiled decoding, a
    given answer, a quantised head), all words come at its end.

    Parameters
    ----------
    model
        The :class:`tam.Model` that answers.
    conversation
        Its last turn is answered.
    **options
        See :class:`tam.model.options.Options`. With a method that needs the whole reply the words
        come at once, their maps with the explanation at the end.

    Examples
    --------
    >>> model = tam.load("small")                                     # doctest: +SKIP
    >>> stream = model.stream("photo.jpg", "Describe this image.")    # doctest: +SKIP
    >>> for word in stream:                                           # doctest: +SKIP
    ...     print(word.text, word.map(0).max())
    >>> stream.explanation.save("out")                                # doctest: +SKIP
    """

    def __init__(
        self,
        model: Loaded,
        conversation: Conversation,
        **options: Unpack[Options],
    ) -> None:
        self._end = _End()
        checkpoint = model.checkpoint
        check_opened(options)
        wanted = asked(checkpoint, options)
        prepared = prepare(checkpoint, wanted.open(conversation))

        def work(put: Callable[[list[Word]], None]) -> Explanation:
            live = LiveWords(checkpoint, prepared, wanted.method)

            def watch(states: States, logits: Logits, token: int) -> None:
                put(live.add(states, logits, token))

            recording = run(checkpoint, prepared, watch=watch, **wanted.running)
            return explain_recording(checkpoint, recording, wanted.method)

        self._words = _from_thread(work, self._end)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Word:
        return next(self._words)

    def close(self) -> None:
        """Stop the model at its next token and wait for its thread."""
        self._words.close()

    @property
    def explanation(self) -> Explanation:
        """The whole reply, as :meth:`tam.Model.explain` explains it.

        Raises
        ------
        InputError
            If the reply is not at its end.
        """
        return _finished(self._end.explanation)


class MapStreamer:
    """Explains words while someone else's loop lets the model write.

    Give it to transformers' ``generate(streamer=...)``, or call :meth:`put` with every token that a
    loop of your own yields and :meth:`end` after the last one. It reads the model through hooks
    for as long as its ``with`` block runs; the model must answer ``inputs`` there, one sequence,
    one token after another.

    Parameters
    ----------
    model
        The :class:`tam.Model` that answers.
    conversation
        Its last turn is answered.
    on_word
        Called with each word as soon as it is finished.
    kernel_size
        Odd size of the rank Gaussian filter's window.

    Attributes
    ----------
    inputs
        What the model is to be called with.

    Examples
    --------
    >>> show = lambda word: print(word.text)                              # doctest: +SKIP
    >>> with MapStreamer(model, conversation, show) as streamer:          # doctest: +SKIP
    ...     model.module.generate(**streamer.inputs, streamer=streamer)
    >>> streamer.explanation.words[0].map(0)                              # doctest: +SKIP
    """

    def __init__(
        self,
        model: Loaded,
        conversation: Conversation,
        on_word: Callable[[Word], None],
        *,
        kernel_size: int = KERNEL_SIZE,
    ) -> None:
        checkpoint = model.checkpoint
        prepared = prepare(checkpoint, conversation)
        request = prepared.request
        self.inputs = placed(checkpoint.module, request.inputs)
        self._checkpoint = checkpoint
        self._on_word = on_word
        self._live = LiveWords(checkpoint, prepared, choose(Tam(kernel_size=kernel_size)))
        self._states = States([request.wanted], request.length)
        self._logits = Logits(CANDIDATES)
        self._hooks = ExitStack()
        self._explanation: Explanation | None = None

    def __enter__(self) -> Self:
        decoder = self._checkpoint.adapter.decoder(self._checkpoint.module)
        hooks = [(decoder, self._states.keep), (self._checkpoint.module, self._logits.keep)]
        self._hooks.enter_context(hooked(hooks))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hooks.close()

    def put(self, value: torch.Tensor | int) -> None:
        """Take the next token.

        Parameters
        ----------
        value
            Its id, as a number or int64 [1]. The prompt, which ``generate`` puts first as
            int64 [1, P], is passed over.

        Raises
        ------
        InputError
            If the model did not just write this one token after the last.
        """
        token = torch.as_tensor(value)
        if token.ndim > 1:
            return
        with torch.no_grad():
            self._logits.chosen(token.reshape(-1))
            words = self._live.add(self._states, self._logits, int(token))
        if not self._live.follows:
            raise InputError(
                "the model's states do not come one token after another",
                where="streamer",
                remedy="let it write one sequence within the with block, or use Model.stream",
            )
        for word in words:
            self._on_word(word)

    def end(self) -> None:
        """Take note that the reply is at its end."""
        for word in self._live.rest():
            self._on_word(word)
        self._explanation = self._live.explanation()

    @property
    def explanation(self) -> Explanation:
        """The whole reply.

        Raises
        ------
        InputError
            If the reply is not at its end.
        """
        return _finished(self._explanation)


@dataclass
class _End:
    """What a thread leaves behind."""

    explanation: Explanation | None = None
    error: BaseException | None = None


class _ClosedError(Exception):
    """Ends the run of a stream that nobody listens to any more."""


def _from_thread(
    work: Callable[[Callable[[list[Word]], None]], Explanation], end: _End
) -> Generator[Word]:
    """Yield the words that the work puts, then the rest of those in its explanation."""
    ready: SimpleQueue[list[Word] | None] = SimpleQueue()
    closed = threading.Event()

    def put(words: list[Word]) -> None:
        if closed.is_set():
            raise _ClosedError
        ready.put(words)

    def run() -> None:
        try:
            end.explanation = work(put)
        except BaseException as error:
            end.error = error
        finally:
            ready.put(None)

    thread = threading.Thread(target=run, name="tam-stream", daemon=True)
    thread.start()
    given = 0
    try:
        while (words := ready.get()) is not None:
            yield from words
            given += len(words)
    finally:
        closed.set()
        thread.join()
    if end.error is not None:
        raise end.error
    yield from _finished(end.explanation).words[given:]


def _finished(explanation: Explanation | None) -> Explanation:
    if explanation is None:
        raise InputError(
            "the reply is not at its end", where="stream", remedy="take all of its words first"
        )
    return explanation
