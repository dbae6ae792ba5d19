"""The public facade: a loaded model that answers and explains its answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from tam.capture import PrefixCache, TokenCallback
from tam.check.box import Without, without
from tam.check.words import check
from tam.defaults import BATCH_SIZE
from tam.errors import InputError, TamError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice
from tam.families.adapter import Adapter
from tam.families.checkpoint import Checkpoint
from tam.families.processor import Processor
from tam.geometry.layout import Box
from tam.media import Source
from tam.model.batch import Answers, answered, check_answers, explained
from tam.model.chat import Chat
from tam.model.explaining import explain_recording
from tam.model.options import (
    Asked,
    Explaining,
    Options,
    Question,
    Running,
    Shared,
    asked,
    check_opened,
    check_words,
    chosen,
    without_opening,
)
from tam.model.streaming import Stream
from tam.prompt.conversation import Conversation
from tam.recording.prepared import Prepared, special_ids
from tam.recording.recording import Recording
from tam.recording.running import run
from tam.recording.trace import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A model with its processor and the adapter of its family.

    Parameters
    ----------
    checkpoint
        The loaded checkpoint, which the methods pass to the functions that do the work.
    """

    checkpoint: Checkpoint

    @property
    def module(self) -> "PreTrainedModel":
        """The transformers model, in evaluation mode."""
        return self.checkpoint.module

    @property
    def processor(self) -> Processor:
        """The model's processor."""
        return self.checkpoint.processor

    @property
    def adapter(self) -> Adapter:
        """The adapter of the model's family."""
        return self.checkpoint.adapter

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Name, revision and dtype of the checkpoint, and library versions. JSON values only."""
        return self.checkpoint.provenance

    def explain(
        self, media: Source | Sequence[Source], prompt: str, **options: Unpack[Options]
    ) -> Explanation:
        """Ask about pictures or clips, and explain every word of the answer.

        Parameters
        ----------
        media
            A path of a picture, a video or a folder of frames, a PIL image, a uint8 array
            [H, W, 3] or an opened :class:`tam.Media`; or a list of them.
        prompt
            The question.
        **options
            ``answer``, ``max_new_tokens``, ``seed``, ``candidate_maps``, ``method``, ``sampling``
            and more: see :class:`tam.model.options.Options`. Any other option of transformers'
            ``generate`` is also accepted (if it returns several sequences, the first is
            explained), as is any variable that the model's chat template reads.

        Raises
        ------
        TamError
            If anything fails; the message says what failed, where, and what to do about it.
        """
        wanted = asked(self.checkpoint, options)
        return self._explained(wanted.open((media, prompt)), wanted)

    def explain_conversation(
        self, conversation: Conversation, **options: Unpack[Options]
    ) -> Explanation:
        """Answer a conversation's last turn, and explain every word of the answer.

        Parameters
        ----------
        conversation
            Turns of text and opened media; all words before the answer are its context.
        **options
            As in :meth:`explain`.

        Raises
        ------
        InputError
            If an option is unknown, or is one for opening media.
        """
        check_opened(options)
        wanted = asked(self.checkpoint, options)
        return self._explained(conversation, wanted)

    def stream(
        self, media: Source | Sequence[Source], prompt: str, **options: Unpack[Options]
    ) -> Stream:
        """Ask about pictures or clips, and explain each word as the model writes it.

        Parameters
        ----------
        media, prompt, **options
            As in :meth:`explain`. With a method that needs the whole reply, words still arrive as
            they are written, but their maps only with the explanation at the end.

        Returns
        -------
        An iterator over words; once exhausted, its ``explanation`` equals that of :meth:`explain`.
        """
        conversation = asked(self.checkpoint, options).open((media, prompt))
        return Stream(self, conversation, **without_opening(options))

    def chat(self, *, system: str | None = None) -> Chat:
        """Begin a conversation in which every reply is explained; see :class:`tam.Chat`."""
        return Chat(self, system=system)

    def explain_batch(
        self,
        questions: Iterable[Question],
        *,
        batch_size: int = BATCH_SIZE,
        keep_going: bool = False,
        answer: Answers = None,
        **options: Unpack[Shared],
    ) -> Iterator[Explanation | TamError]:
        """Answer many questions, several at a time, and explain every word of the answers.

        Each explanation equals that of :meth:`explain` for the same question. Prompts of different
        lengths are padded on the left, which does not affect the maps. Files are opened and encoded
        one batch ahead of the model, and a method that does not run the model again explains the
        replies while the model answers the next batch. Given answers, and replies sampled with a
        seed, are processed one at a time.

        Parameters
        ----------
        questions
            Pairs of media and prompt as in :meth:`explain`, or conversations; an iterable of any
            length, consumed lazily.
        batch_size
            How many questions are answered at once; halved with a warning if memory runs out.
        keep_going
            Whether to yield the error of a question that cannot be answered, and continue, instead
            of raising it.
        answer
            A given reply for all questions, or a list with one for each (None where the model
            writes it).
        **options
            As in :meth:`explain`; each question uses the same seed.

        Returns
        -------
        An iterator over the explanations, in the order of the questions.

        Raises
        ------
        InputError
            If an option is unknown, or the number of answers differs from the number of questions.
        """
        if batch_size < 1:
            raise InputError(
                f"batch_size {batch_size} is not possible",
                where="batch_size",
                remedy="give 1 or more",
            )
        check_answers(questions, answer)
        wanted = asked(self.checkpoint, options, Shared)
        found = answered(self.checkpoint, questions, answer, wanted, batch_size)
        # A method that runs the model again would only take turns with the next batch.
        most = 0 if wanted.method.method.replays else batch_size
        results = explained(found, lambda item: self._result(item, wanted), most)
        return _raised(results, keep_going=keep_going)

    def explain_recording(self, recording: Recording, **options: Unpack[Explaining]) -> Explanation:
        """Explain a run that was recorded earlier.

        Parameters
        ----------
        recording
            A recorded run, from :meth:`run`.
        **options
            The method and its options, see :class:`tam.model.options.Explaining`.
        """
        check_words(options, Explaining)
        return explain_recording(self.checkpoint, recording, chosen(options))

    def check(
        self, explanation: Explanation, words: Sequence[Choice] | None = None, **options: Any
    ) -> Explanation:
        """Measure whether the model used what the maps of an explanation mark.

        Parameters
        ----------
        explanation
            An explanation by this model, new or opened from a file.
        words, **options
            As in :func:`tam.check.words.check`.

        Returns
        -------
        The explanation with its ``checks``; ``word.check`` is the check of a single word.
        """
        return check(self.checkpoint, explanation, words, **options)

    def without(self, explanation: Explanation, box: Box, **options: Any) -> Without:
        """Hide a region of a picture, and measure how the probability of each word changes.

        Parameters
        ----------
        explanation
            An explanation by this model, new or opened from a file.
        box, **options
            As in :func:`tam.check.box.without`.
        """
        return without(self.checkpoint, explanation, box, **options)

    def record(self, conversation: Conversation, **options: Unpack[Running]) -> Trace:
        """Run the model once on a conversation, and return the trace that methods read.

        Parameters
        ----------
        conversation
            The turns; the model answers the last one.
        **options
            As in :meth:`run`.
        """
        return self.run(conversation, **options).trace

    def run(
        self,
        conversation: Conversation | Prepared,
        *,
        prefix_cache: PrefixCache | None = None,
        on_token: TokenCallback | None = None,
        **options: Unpack[Running],
    ) -> Recording:
        """Run the model once on a conversation, and record the run.

        Parameters
        ----------
        conversation
            The turns, which may already be encoded; the model answers the last one.
        prefix_cache
            The cache of an earlier run of this model (``Recording.run.prefix_cache``), which this
            call consumes. If the conversation continues that run and shows no new picture, only
            the new part is computed.
        on_token
            Called for each token that the model writes, with the states and logits kept so far. An
            exception that it raises ends the run.
        **options
            As in :meth:`explain`, except those for opening media and for the method.
        """
        wanted = asked(self.checkpoint, options, Running)
        return run(
            self.checkpoint,
            conversation,
            prefix_cache=prefix_cache,
            on_token=on_token,
            **wanted.running,
        )

    def _explained(self, conversation: Conversation, wanted: Asked) -> Explanation:
        recording = run(self.checkpoint, conversation, **wanted.running)
        return explain_recording(self.checkpoint, recording, wanted.method)

    def _result(self, recording: Recording, wanted: Asked) -> Explanation | TamError:
        """Explain a recording, or return the error raised by doing so."""
        try:
            return explain_recording(self.checkpoint, recording, wanted.method)
        except TamError as error:
            return error

    def special_ids(self) -> set[int]:
        """Return the ids of the special tokens: end tokens, markers and placeholders."""
        return special_ids(self.checkpoint)

    def __repr__(self) -> str:
        told = self.provenance
        size = f"{self.module.num_parameters() / 1e6:,.1f} M parameters"
        packed = f", {told['quantisation']}" if told["quantisation"] else ""
        device = self.module.device
        place = "offloaded" if device.type == "meta" else f"on {device}"
        numbers = f"{told['dtype']}{packed} {place}"
        return f"<Model {told['model']!r}: {told['family']}, {size}, {numbers}>"


def _raised(
    results: Iterator[Explanation | TamError], *, keep_going: bool
) -> Iterator[Explanation | TamError]:
    """Raise the errors among explanations, unless ``keep_going``."""
    for result in results:
        if isinstance(result, TamError) and not keep_going:
            raise result
        yield result
