"""A conversation with a model, each reply explained."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Unpack

from tam.capture import PrefixCache
from tam.errors import ConversationError
from tam.explanation.explanation import Explanation, Word
from tam.families.checkpoint import Loaded
from tam.media import Media, Source, open_all
from tam.model.explaining import explain_recording
from tam.model.options import Options, asked
from tam.model.streaming import Stream
from tam.prompt.conversation import Conversation, TokenizedText, Turn
from tam.recording.running import run


class Chat:
    """Talk with a model over several turns.

    Each reply is one run of the engine. Its context is all earlier words, both the user's and the
    model's; a word that the model wrote is represented by the position that predicted it. Later
    turns never change an earlier explanation.

    The keys and values computed for earlier turns are kept. A turn that shows no new picture reuses
    them if the model's cache can be continued.

    Parameters
    ----------
    model
        The :class:`tam.Model` that answers.
    system
        The system prompt.

    Attributes
    ----------
    turns
        The turns so far; the model's replies are kept as token ids.
    explanations
        The explanation of each reply.

    Examples
    --------
    >>> chat = tam.load("small").chat()                                # doctest: +SKIP
    >>> chat.say("What is in the picture?", ["photo.jpg"]).text        # doctest: +SKIP
    >>> chat.say("And what color is it?").words[-1].map(0)             # doctest: +SKIP
    """

    def __init__(self, model: Loaded, *, system: str | None = None) -> None:
        self.checkpoint = model.checkpoint
        self.turns: tuple[Turn, ...] = (Turn("system", (system,)),) if system else ()
        self.explanations: list[Explanation] = []
        self._prefix_cache: PrefixCache | None = None

    def say(
        self,
        text: str,
        media: Source | Sequence[Source] = (),
        *,
        images: Source | Sequence[Source] = (),
        **options: Unpack[Options],
    ) -> Explanation:
        """Send a user turn, and explain every word of the reply.

        Parameters
        ----------
        text
            The text of the turn.
        media
            A picture or clip to show before the text, or a list of them.
        images
            Further pictures, shown after ``media``.
        **options
            Options of the reply, see :class:`tam.model.options.Options`.

        Raises
        ------
        TamError
            If the reply fails; the conversation is then unchanged.
        """
        wanted = asked(self.checkpoint, options)
        shown = [
            item for sources in (media, images) for item in open_all(sources, **wanted.opening)
        ]
        turns = self._asked(text, shown)
        # A run consumes the cache, so none is left after a turn that fails.
        prefix_cache, self._prefix_cache = self._prefix_cache, None
        recording = run(
            self.checkpoint, Conversation(turns), prefix_cache=prefix_cache, **wanted.running
        )
        result = explain_recording(self.checkpoint, recording, wanted.method)
        self._answered(turns, result)
        self._prefix_cache = recording.run.prefix_cache
        return result

    def stream(
        self, text: str, media: Sequence[Media] = (), **options: Unpack[Options]
    ) -> Generator[Word]:
        """Send a user turn, and yield each word of the reply as soon as it is finished.

        The turn joins the conversation once the last word has been consumed; ``explanations[-1]``
        then covers the whole reply.

        Parameters
        ----------
        text
            The text of the turn.
        media
            Opened pictures and clips to show before the text.
        **options
            As in :meth:`say`, except those for opening media.

        Raises
        ------
        TamError
            If the reply fails; the conversation is then unchanged.
        """
        turns = self._asked(text, media)
        prefix_cache, self._prefix_cache = self._prefix_cache, None
        stream = Stream(self, Conversation(turns), prefix_cache=prefix_cache, **options)
        try:
            yield from stream
        finally:
            stream.close()
        self._answered(turns, stream.explanation)
        self._prefix_cache = stream.prefix_cache

    def _asked(self, text: str, media: Sequence[Media]) -> tuple[Turn, ...]:
        if not text.strip():
            raise ConversationError("the turn is empty", where="user turn", remedy="say something")
        return (*self.turns, Turn("user", (*media, text)))

    def _answered(self, turns: tuple[Turn, ...], result: Explanation) -> None:
        reply = result.tokens[result.prompt_targets :]
        written = TokenizedText(result.text, tuple(token.id for token in reply))
        self.turns = (*turns, Turn("assistant", (written,)))
        self.explanations.append(result)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the explanation of each reply to ``reply-1``, ``reply-2``, … in a folder.

        Parameters
        ----------
        folder
            The folder, which is created if it does not exist.
        force
            Replace earlier explanations there.

        Returns
        -------
        The folder.

        Raises
        ------
        OutputError
            If a reply's folder cannot be written, or already holds files and ``force`` is off.
        """
        for number, explanation in enumerate(self.explanations, start=1):
            explanation.save(Path(folder) / f"reply-{number}", force=force)
        return Path(folder)
