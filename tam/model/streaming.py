"""Streams, which explain words while the model writes them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, Unpack

import torch

from tam.capture import PrefixCache
from tam.capture.access import Access, is_waiting_or_holding
from tam.capture.cache import CACHE
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
from tam.model.word_thread import Outcome, finished, words_from_thread
from tam.prompt.conversation import Conversation
from tam.recording.prepared import prepare
from tam.recording.recording import CANDIDATES
from tam.recording.running import run

__all__ = ["MapStreamer", "Stream"]


class Stream:
    """An iterator over the words of a reply, each with its maps, while the model writes.

    A word is yielded once the model has begun the next one, because only then is its end certain.
    It belongs to an explanation of the words finished so far. The model runs in a background
    thread, from the first request for a word until the last word or :meth:`close`; leaving the
    loop also closes the stream.

    If a reply is not written one token at a time (beam search, assisted or compiled decoding, a
    given answer) or the LM head is quantised, all words are yielded at its end.

    Parameters
    ----------
    model
        The :class:`tam.Model` that answers.
    conversation
        The turns; the model answers the last one.
    prefix_cache
        As in :func:`tam.recording.running.run`.
    **options
        See :class:`tam.model.options.Options`. With a method that needs the whole reply, words
        still arrive as they are written, but their maps only with the explanation at the end.

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
        *,
        prefix_cache: PrefixCache | None = None,
        **options: Unpack[Options],
    ) -> None:
        # If the thread held the stream itself, the stream would never be collected and closed.
        self._outcome = outcome = Outcome()
        checkpoint = model.checkpoint
        check_opened(options)
        wanted = asked(checkpoint, options)
        prepared = prepare(checkpoint, conversation, wanted.template)

        def work(put: Callable[[list[Word]], None]) -> Explanation:
            live = LiveWords(checkpoint, prepared, wanted.method)

            def on_token(states: States, logits: Logits, token: int) -> None:
                put(live.add(states, logits, token))

            recording = run(
                checkpoint,
                prepared,
                prefix_cache=prefix_cache,
                on_token=on_token,
                **wanted.running,
            )
            put([])  # a stream that has been closed needs no explanation
            result = explain_recording(checkpoint, recording, wanted.method)
            outcome.prefix_cache = recording.run.prefix_cache
            return result

        self._words = words_from_thread(work, checkpoint.module, self._outcome)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Word:
        return next(self._words)

    def close(self) -> None:
        """Stop the model at its next token, and wait for its thread."""
        self._words.close()

    @property
    def prefix_cache(self) -> PrefixCache | None:
        """The cache that the next turn can continue; None if it cannot, or before the end."""
        return self._outcome.prefix_cache

    @property
    def explanation(self) -> Explanation:
        """The whole reply, as :meth:`tam.Model.explain` explains it.

        Raises
        ------
        InputError
            If the reply is not finished.
        """
        return finished(self._outcome.explanation)


class MapStreamer:
    """Explain words while the caller's own generation loop produces them.

    Pass it to transformers' ``generate(streamer=...)``, or call :meth:`put` with every token of
    your own loop and :meth:`end` after the last one. Within its ``with`` block, it
    reads the model through hooks, and the model must answer ``inputs`` as one sequence, token by
    token. Passes of other runs are recognized by their prompt and cache, and ignored.

    Parameters
    ----------
    model
        The :class:`tam.Model` that answers.
    conversation
        The turns; the model answers the last one.
    on_word
        Called with each word as soon as it is finished.
    kernel_size
        Side of the rank Gaussian filter's window, an odd number of cells.
    template_variables
        Variables of the model's chat template, such as ``enable_thinking``.

    Attributes
    ----------
    inputs
        The inputs to pass to the model.

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
        template_variables: Mapping[str, Any] | None = None,
    ) -> None:
        checkpoint = model.checkpoint
        prepared = prepare(checkpoint, conversation, template_variables)
        request = prepared.request
        self.inputs = placed(checkpoint.module, request.inputs)
        self._checkpoint = checkpoint
        self._on_word = on_word
        self._live = LiveWords(checkpoint, prepared, choose(Tam(kernel_size=kernel_size)))
        self._states = States([request.wanted], request.length)
        self._logits = Logits(CANDIDATES)
        self._cache: Any = None
        self._hooks = ExitStack()
        self._explanation: Explanation | None = None

    def __enter__(self) -> Self:
        module, adapter = self._checkpoint.module, self._checkpoint.adapter
        self._access = self._hooks.enter_context(Access(module))
        self._access.release()
        hooks = [
            (adapter.decoder(module), self._states.keep),
            (module, self._logits.keep),
            (module, self._leave),
        ]
        self._hooks.enter_context(hooked(hooks, self._access))
        handle = module.register_forward_pre_hook(self._enter, with_kwargs=True)
        self._hooks.callback(handle.remove)
        return self

    def _enter(
        self, module: torch.nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Hold the model for a pass of this reply: over its prompt, or over its cache."""
        if is_waiting_or_holding(module):
            return  # a pass of another run
        if self._cache is None:
            ids = args[0] if args else kwargs.get("input_ids")
            own = ids is not None and torch.equal(
                ids, self.inputs["input_ids"][:, : ids.shape[1]].to(ids.device)
            )
        else:
            own = kwargs.get(CACHE) is self._cache
        if own:
            self._access.acquire()

    def _leave(self, _module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        self._cache = output.get(CACHE)
        self._access.release()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hooks.close()

    def put(self, value: torch.Tensor | int) -> None:
        """Add the next token.

        Parameters
        ----------
        value
            The token's id, as a number or int64 [1]. The prompt, which ``generate`` puts first as
            int64 [1, P], is ignored.

        Raises
        ------
        InputError
            If the model did not write exactly this token since the last call.
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
        """Finish the reply."""
        for word in self._live.rest():
            self._on_word(word)
        self._explanation = self._live.explanation()

    @property
    def explanation(self) -> Explanation:
        """The explanation of the whole reply.

        Raises
        ------
        InputError
            If the reply is not finished.
        """
        return finished(self._explanation)
