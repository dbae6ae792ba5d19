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
from tam.model.batch import Answers, answered, check_answers
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
        The loaded checkpoint, which is passed on to the functions that do the work.
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
        """The loaded checkpoint: its name, revision, dtype and versions. JSON values only."""
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
            ``generate`` too (of several sequences the first is explained), and any variable that
            the model's chat template reads.

        Raises
        ------
        TamError
            If anything fails; the message says what, where, and what to do about it.
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
            Turns of texts and opened media; all words before the answer are its context.
        **options
            As in :meth:`explain`.

        Raises
        ------
        InputError
            If an option is not known, or is for opening media.
        """
        check_opened(options)
        wanted = asked(self.checkpoint, options)
        return self._explained(conversation, wanted)

    def stream(
        self, media: Source | Sequence[Source], prompt: str, **options: Unpack[Options]
    ) -> Stream:
        """Ask about pictures or clips, and explain each word as soon as it is written.

        Parameters
        ----------
        media, prompt, **options
            As in :meth:`explain`. With a method that needs the whole reply, words come at once and
            their maps with the explanation at the end.

        Returns
        -------
        An iterator of words; at its end, its ``explanation`` equals that of :meth:`explain`.
        """
        conversation = asked(self.checkpoint, options).open((media, prompt))
        return Stream(self, conversation, **without_opening(options))

    def chat(self, *, system: str | None = None) -> Chat:
        """Begin a conversation of several turns, each reply explained; see :class:`tam.Chat`."""
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

        Each explanation equals that of :meth:`explain` for its question alone. Prompts of different
        lengths are padded on the left, which changes no map. Files are opened and encoded one batch
        ahead of the model. Given answers, and replies that are sampled with a seed, are taken one
        by one.

        Parameters
        ----------
        questions
            Pairs of media and prompt as in :meth:`explain`, or conversations; any number of them,
            read as they are needed.
        batch_size
            How many are answered at once; halved with a warning where memory runs out.
        keep_going
            Yield the error of a question that cannot be answered, and go on, instead of raising it.
        answer
            One for all questions, or a list with one for each (None where the model is to write
            it).
        **options
            As in :meth:`explain`; the seed holds for each question.

        Returns
        -------
        The explanations, in the questions' order, as they come.

        Raises
        ------
        InputError
            If an option is not known, or there are not as many answers as questions.
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
        return self._explained_each(found, wanted, keep_going=keep_going)

    def explain_recording(self, recording: Recording, **options: Unpack[Explaining]) -> Explanation:
        """Explain a run that was recorded earlier.

        Parameters
        ----------
        recording
            A recorded run, from :meth:`run`.
        **options
            Method and its options, see :class:`tam.model.options.Explaining`.
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
        The explanation with its ``checks``; a word's own is ``word.check``.
        """
        return check(self.checkpoint, explanation, words, **options)

    def without(self, explanation: Explanation, box: Box, **options: Any) -> Without:
        """Hide a region of a picture, and read the reply again, word by word.

        Parameters
        ----------
        explanation
            An explanation by this model, new or opened from a file.
        box, **options
            As in :func:`tam.check.box.without`.
        """
        return without(self.checkpoint, explanation, box, **options)

    def record(self, conversation: Conversation, **options: Unpack[Running]) -> Trace:
        """Run the model once on a conversation, and give the trace that methods read.

        Parameters
        ----------
        conversation
            Turns, the last of which is answered.
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
            Turns, the last of which is answered; they may be encoded already.
        prefix_cache
            The cache of an earlier run of this model (``Recording.run.prefix_cache``), which is
            consumed: where the conversation continues that run and shows no new picture, only the
            rest is computed.
        on_token
            Called for each token that the model writes, with the states and logits kept so far; an
            exception in it ends the run.
        **options
            As in :meth:`explain`, without those for opening media and for the method.
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

    def _explained_each(
        self, found: Iterator[Recording | TamError], wanted: Asked, *, keep_going: bool
    ) -> Iterator[Explanation | TamError]:
        for item in found:
            result = item if isinstance(item, TamError) else self._result(item, wanted)
            if isinstance(result, TamError) and not keep_going:
                raise result
            yield result

    def _result(self, recording: Recording, wanted: Asked) -> Explanation | TamError:
        """Explain a recording, or give the error that it raises."""
        try:
            return explain_recording(self.checkpoint, recording, wanted.method)
        except TamError as error:
            return error

    def special_ids(self) -> set[int]:
        """Ids of the special tokens: end tokens, markers and placeholders."""
        return special_ids(self.checkpoint)

    def __repr__(self) -> str:
        told = self.provenance
        size = f"{self.module.num_parameters() / 1e6:,.1f} M parameters"
        packed = f", {told['quantisation']}" if told["quantisation"] else ""
        device = self.module.device
        place = "offloaded" if device.type == "meta" else f"on {device}"
        numbers = f"{told['dtype']}{packed} {place}"
        return f"<Model {told['model']!r}: {told['family']}, {size}, {numbers}>"
