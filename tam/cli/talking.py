"""The loop of ``tam chat``, which prints the words of each reply as they arrive."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from tam.cli.lines import line_reader
from tam.errors import InputError, TamError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.media import Media
from tam.render.terminal import show_word, show_words, word_style
from tam.text.nearest import suggestion
from tam.text.printable import one_line, printable

if TYPE_CHECKING:
    from tam.model.chat import Chat
    from tam.model.model import Model
    from tam.model.options import Options

COMMANDS: Final = {
    "/help": "tells these commands",
    "/image": "FILE shows a picture, video or folder of frames with your next words",
    "/save": "FOLDER writes a report of each reply so far",
    "/words": "prints a table of the last reply's words",
    "/show": "N or TEXT prints a word of the last reply with its map",
    "/quit": "ends the conversation, as an empty line does",
}


def talk(
    model: "Model",
    media: list[Media],
    out: Path | None,
    wanted: "Options",
    *,
    opened: Callable[[str], Media],
    force: bool = False,
) -> None:
    """Read the user's lines, and print the words of each reply as they arrive.

    Parameters
    ----------
    media
        The pictures and clips shown with the first turn.
    out
        The folder for the report of each reply, written while the conversation continues.
    wanted
        The options of each reply.
    opened
        A function that opens the file that ``/image`` names.
    force
        Whether to replace earlier reports.
    """
    from tam.text.terminal import console

    terminal = console()
    read = line_reader(terminal, COMMANDS)
    with ThreadPoolExecutor(1) as writer:
        conversation = _Conversation(model.chat(), list(media), terminal, wanted, opened, force)
        saving: list[Future[Path]] = []
        while (said := read()) is not None and said.strip() not in ("", "/quit"):
            _tell_saved(saving, terminal, wait=False)
            try:
                result = conversation.take(said)
            except TamError as error:
                print(f"tam: {one_line(str(error))}", file=sys.stderr)
                continue
            if result is not None and out is not None:
                folder = out / f"reply-{len(conversation.chat.explanations)}"
                saving.append(writer.submit(result.save, folder, force=force))
        _tell_saved(saving, terminal, wait=True)


def _tell_saved(saving: list[Future[Path]], terminal: Console, *, wait: bool) -> None:
    """Print the paths of finished reports, or their errors, and remove them from the list."""
    for future in [item for item in saving if wait or item.done()]:
        saving.remove(future)
        try:
            terminal.print(future.result(), soft_wrap=True)
        except TamError as error:
            print(f"tam: {one_line(str(error))}", file=sys.stderr)


class _Conversation:
    """The conversation so far, and the actions of the lines that the user types."""

    def __init__(
        self,
        chat: "Chat",
        shown: list[Media],
        terminal: Console,
        wanted: "Options",
        opened: Callable[[str], Media],
        force: bool,
    ) -> None:
        self.chat = chat
        self._shown = shown
        self._terminal = terminal
        self._wanted = wanted
        self._opened = opened
        self._force = force
        self._told: list[str] = []

    def take(self, line: str) -> Explanation | None:
        """Run a command, or send a line to the model and return the explained reply."""
        if not line.startswith("/"):
            return self._say(line.strip())
        name, _, rest = line.strip().partition(" ")
        acts: dict[str, Callable[[str], Any]] = {
            "/help": self._help,
            "/image": lambda rest: self._shown.append(self._opened(typed_name(rest))),
            "/save": self._save,
            "/words": lambda _: show_words(self._last(), self._terminal),
            "/show": self._show,
        }
        if name not in acts:
            nearest = suggestion(name, COMMANDS)
            raise InputError(
                f"unknown command {name!r}",
                where="chat",
                remedy=f"{nearest}; a space before the line says it to the model",
            )
        acts[name](rest.strip())
        return None

    def _say(self, text: str) -> Explanation:
        from tam.cli.answered import print_model

        words = self.chat.stream(text, self._shown, **self._wanted)
        _print_words(words, self._terminal)
        self._shown = []  # they are now part of the conversation
        result = self.chat.explanations[-1]
        self._told += print_model(result, self._told)
        return result

    def _help(self, _: str) -> None:
        for name, does in COMMANDS.items():
            self._terminal.print(Text(f"{name:<8}{does}"))

    def _save(self, folder: str) -> None:
        self._last()
        if not folder:
            raise InputError("no folder is named", where="/save", remedy="write /save FOLDER")
        path = self.chat.save(typed_name(folder), force=self._force)
        self._terminal.print(path, soft_wrap=True)

    def _show(self, word: str) -> None:
        from tam.cli.numbers import word_named

        if not word:
            raise InputError("no word is named", where="/show", remedy="write /show N or TEXT")
        reply = self._last()
        show_word(reply, word_named(word, reply, "/show"), self._terminal)

    def _last(self) -> Explanation:
        if not self.chat.explanations:
            raise InputError("nothing was said yet", where="chat", remedy="say something first")
        return self.chat.explanations[-1]


def _print_words(words: Iterator[Word], terminal: Console) -> None:
    """Print each word as it arrives, colored by its share, with the white space between."""
    end: int | None = None
    try:
        for word in words:
            start = word.explanation.prompt_targets if end is None else end
            end = word.targets[-1] + 1
            tokens = word.explanation.tokens[start:end]
            before = "".join(t.text for t in tokens[: word.targets[0] - start])
            spelled = "".join(t.text for t in tokens[word.targets[0] - start :])
            line = Text(printable(before)).append(printable(spelled), word_style(word))
            terminal.print(line, end="", soft_wrap=True)
    finally:
        if end is not None:
            terminal.print()


def typed_name(typed: str) -> str:
    """Parse a file name as a shell would, unless a file has exactly that name.

    A name with spaces is quoted, or has backslashes if the file was dropped onto the terminal.
    """
    with suppress(OSError, ValueError):
        if not Path(typed).exists():
            names = shlex.split(typed, posix=os.name != "nt")
            return names[0].strip("\"'") if len(names) == 1 else typed
    return typed
