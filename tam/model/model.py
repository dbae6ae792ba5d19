"""A loaded model, ready to be asked and explained."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tam.capture import PrefixCache, TokenCallback
from tam.errors import InputError, TamError
from tam.explanation.explanation import Explanation
from tam.families.adapter import Adapter
from tam.families.checkpoint import Checkpoint
from tam.media import Sampling, Source, open_all
from tam.methods.table import check_options
from tam.model.chat import Chat
from tam.model.explaining import explain_recording
from tam.model.streaming import Stream
from tam.prompt.conversation import Conversation, question
from tam.recording.answers import Answer
from tam.recording.batching import recordings
from tam.recording.prepared import Prepared, special_ids
from tam.recording.recording import MAX_NEW_TOKENS, Recording
from tam.recording.running import run
from tam.recording.trace import Trace


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A model with its processor and the adapter of its family.

    Parameters
    ----------
    checkpoint
        What was loaded; everything that the model is asked goes to functions that take it.
    """

    checkpoint: Checkpoint

    @property
    def module(self) -> Any:
        """The transformers model, in evaluation mode."""
        return self.checkpoint.module

    @property
    def processor(self) -> Any:
        """The model's processor."""
        return self.checkpoint.processor

    @property
    def adapter(self) -> Adapter:
        """The adapter of the model's family."""
        return self.checkpoint.adapter

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What was loaded: names, revision, dtype."""
        return self.checkpoint.provenance

    def explain(
        self,
        media: Source | Sequence[Source],
        prompt: str,
        *,
        answer: Answer = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        kernel_size: int = 3,
        sampling: Sampling | None = None,
        allow_urls: bool = False,
        seed: int | None = None,
        stages: bool = False,
        candidate_maps: int = 0,
        method: str = "tam",
        method_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Explanation:
        """Ask about pictures or clips, and explain every word of the answer.

        Parameters
        ----------
        media
            A path of a picture, a video or a folder of frames, a PIL image, a uint8 array
            [H, W, 3] or an opened :class:`tam.Media`; or a list of them.
        prompt
            The question.
        answer
            Explain this text (or these token ids) in place of one that the model writes: what it
            said earlier, or what anyone else said.
        max_new_tokens
            Longest answer to write.
        kernel_size
            Odd size of the rank Gaussian filter's window.
        sampling
            Which frames of a clip are taken.
        allow_urls
            Fetch pictures from http(s) addresses.
        seed
            Of the answer, where it is sampled; goes into the provenance.
        stages
            Keep each map before scaling and filtering too.
        candidate_maps
            How many of each step's candidates, 8 at most, get a map of their own.
        method
            How it is explained: a name of ``tam.methods.METHODS``.
        method_options
            Options of that method. ``kernel_size`` and ``stages`` are tam's.
        **options
            Any options of transformers' ``generate``. Of several sequences the first is explained.

        Raises
        ------
        TamError
            With what went wrong, where, and what to do.
        """
        return self.explain_conversation(
            _opened((media, prompt), sampling, allow_urls),
            answer=answer,
            max_new_tokens=max_new_tokens,
            kernel_size=kernel_size,
            seed=seed,
            stages=stages,
            candidate_maps=candidate_maps,
            method=method,
            method_options=method_options,
            **options,
        )

    def explain_conversation(
        self,
        conversation: Conversation,
        *,
        answer: Answer = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        kernel_size: int = 3,
        seed: int | None = None,
        stages: bool = False,
        candidate_maps: int = 0,
        method: str = "tam",
        method_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Explanation:
        """Answer a conversation's last turn, and explain every word of the answer.

        Parameters
        ----------
        conversation
            Turns of texts and opened media; all words before the answer are its context.
        answer, max_new_tokens, kernel_size, seed, stages, candidate_maps, method
            As in :meth:`explain`.
        method_options, **options
            As in :meth:`explain`.

        Raises
        ------
        InputError
            If there is no such method or option, or stages or candidates are asked of another
            method than tam.
        """
        _check_method(method, method_options, wants_more=stages or candidate_maps > 0)
        recording = self.run(
            conversation,
            answer=answer,
            seed=seed,
            candidate_maps=candidate_maps,
            max_new_tokens=max_new_tokens,
            **options,
        )
        return self.explain_recording(
            recording,
            kernel_size=kernel_size,
            stages=stages,
            method=method,
            method_options=method_options,
        )

    def stream(
        self,
        media: Source | Sequence[Source],
        prompt: str,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
        sampling: Sampling | None = None,
        allow_urls: bool = False,
        **options: Any,
    ) -> Stream:
        """Ask about pictures or clips, and explain each word as soon as it is written.

        Parameters
        ----------
        media, prompt, max_new_tokens, sampling, allow_urls
            As in :meth:`explain`.
        **options
            As in :class:`tam.model.streaming.Stream`.

        Returns
        -------
        The words, one after another; at its end ``explanation`` is what :meth:`explain` gives.
        """
        conversation = _opened((media, prompt), sampling, allow_urls)
        return Stream(self, conversation, max_new_tokens=max_new_tokens, **options)

    def chat(self, *, system: str | None = None) -> Chat:
        """Begin a conversation of several turns, each reply explained; see :class:`tam.Chat`."""
        return Chat(self, system=system)

    def explain_batch(
        self,
        questions: Iterable[tuple[Source | Sequence[Source], str] | Conversation],
        *,
        batch_size: int = 8,
        keep_going: bool = False,
        max_new_tokens: int = MAX_NEW_TOKENS,
        kernel_size: int = 3,
        stages: bool = False,
        sampling: Sampling | None = None,
        allow_urls: bool = False,
        method: str = "tam",
        method_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Iterator[Explanation | TamError]:
        """Answer many questions, several at a time, and explain every word of the answers.

        Prompts of different lengths are padded on the left, which changes no map. Files are opened
        and encoded one batch ahead of the model.

        Parameters
        ----------
        questions
            Pairs of media and prompt as in :meth:`explain`, or conversations. They may be many:
            they are taken as they are needed.
        batch_size
            How many are answered at once. Where memory runs out, it is halved, with a warning.
        keep_going
            Give the error of a question that cannot be answered in its place, and go on, where
            otherwise it is raised.
        max_new_tokens, kernel_size, stages, sampling, allow_urls, method, method_options
            As in :meth:`explain`.
        **options
            As in :meth:`explain`.

        Yields
        ------
        The explanations, in the questions' order.
        """
        if batch_size < 1:
            raise InputError(
                f"batch_size {batch_size} is not possible",
                where="batch_size",
                remedy="give 1 or more",
            )
        _check_method(method, method_options, wants_more=stages)
        explained = partial(
            self.explain_recording,
            kernel_size=kernel_size,
            stages=stages,
            method=method,
            method_options=method_options,
        )
        makers = (partial(_opened, item, sampling, allow_urls) for item in questions)
        options = {"max_new_tokens": max_new_tokens, **options}
        for found in recordings(self.checkpoint, makers, batch_size, options):
            result = found if isinstance(found, TamError) else _result(explained, found)
            if isinstance(result, TamError) and not keep_going:
                raise result
            yield result

    def explain_recording(
        self,
        recording: Recording,
        *,
        kernel_size: int = 3,
        stages: bool = False,
        method: str = "tam",
        method_options: Mapping[str, Any] | None = None,
    ) -> Explanation:
        """Explain a run that was recorded earlier.

        Parameters
        ----------
        recording
            From :meth:`run`.
        kernel_size, stages, method, method_options
            As in :meth:`explain`.
        """
        return explain_recording(
            self.checkpoint,
            recording,
            kernel_size=kernel_size,
            stages=stages,
            method=method,
            method_options=method_options,
        )

    def record(self, conversation: Conversation, **options: Any) -> Trace:
        """Run the model once on a conversation and keep what a method needs.

        Parameters
        ----------
        conversation
            Its last turn is answered.
        **options
            As in :meth:`run`.
        """
        return self.run(conversation, **options).trace

    def run(
        self,
        conversation: Conversation | Prepared,
        *,
        answer: Answer = None,
        seed: int | None = None,
        candidate_maps: int = 0,
        prefix_cache: PrefixCache | None = None,
        on_token: TokenCallback | None = None,
        **options: Any,
    ) -> Recording:
        """Run the model once on a conversation, and keep all that passed.

        Parameters
        ----------
        conversation
            Its last turn is answered. It may be encoded already.
        answer, seed, candidate_maps, **options
            As in :meth:`explain`.
        prefix_cache
            From an earlier run of this model (``Recording.run.prefix_cache``), which is used up:
            where the conversation goes on from there and shows nothing new, only the rest is
            computed.
        on_token
            Called with what passed so far for each token that the model writes; what it raises ends
            the run.
        """
        return run(
            self.checkpoint,
            conversation,
            answer=answer,
            seed=seed,
            candidate_maps=candidate_maps,
            prefix_cache=prefix_cache,
            on_token=on_token,
            **options,
        )

    def special_ids(self) -> set[int]:
        """Ids of the tokens that are no words: ends, markers, placeholders."""
        return special_ids(self.checkpoint)

    def __repr__(self) -> str:
        told = self.provenance
        size = f"{self.module.num_parameters() / 1e6:,.1f} M parameters"
        packed = f", {told['quantisation']}" if told["quantisation"] else ""
        device = self.module.device
        place = "offloaded" if device.type == "meta" else f"on {device}"
        numbers = f"{told['dtype']}{packed} {place}"
        return f"<Model {told['model']!r}: {told['family']}, {size}, {numbers}>"


def _opened(
    item: tuple[Source | Sequence[Source], str] | Conversation,
    sampling: Sampling | None,
    allow_urls: bool,
) -> Conversation:
    """Open the media of a question."""
    if isinstance(item, Conversation):
        return item
    media, prompt = item
    return question(open_all(media, sampling=sampling, allow_urls=allow_urls), prompt)


def _result(
    explain: Callable[[Recording], Explanation], recording: Recording
) -> Explanation | TamError:
    """Explain a recording, or give the error that keeps it from being explained."""
    try:
        return explain(recording)
    except TamError as error:
        return error


def _check_method(method: str, options: Mapping[str, Any] | None, *, wants_more: bool) -> None:
    """Find what is wrong with a method before the model runs."""
    check_options(method, options or {})
    if method != "tam" and wants_more:
        raise InputError(
            "it has no stages and no candidate maps",
            where=f"method {method}",
            remedy="leave them out, or use tam",
        )
