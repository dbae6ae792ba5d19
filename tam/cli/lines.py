"""Read lines from the user, with completion and history if both streams are terminals."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console


def line_reader(console: Console, commands: Mapping[str, str]) -> Callable[[], str | None]:
    """Return a function that reads the next line, and returns None at the end of input.

    Parameters
    ----------
    console
        The console to print the prompt on.
    commands
        The commands that the Tab key completes, each with its description.
    """
    if sys.stdin.isatty() and console.is_terminal and not console.is_dumb_terminal:
        return _with_completion(console, commands)

    def plain() -> str | None:
        try:
            return console.input("[bold]> [/]")
        except EOFError:
            return None

    return plain


def _with_completion(console: Console, commands: Mapping[str, str]) -> Callable[[], str | None]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.formatted_text import FormattedText
    from prompt_toolkit.output import create_output

    # Line editing needs control sequences, so bypass the wrapper that removes them.
    stream: Any = getattr(console.file, "rich_proxied_file", console.file)
    session: PromptSession[str] = PromptSession(
        completer=command_completer(commands), output=create_output(stdout=stream)
    )

    def edited() -> str | None:
        try:
            return session.prompt(FormattedText([("bold", "> ")]))
        except EOFError:
            return None

    return edited


def command_completer(commands: Mapping[str, str]) -> Any:
    """Return a completer for commands, and for file names after ``/image`` and ``/save``."""
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
    from prompt_toolkit.document import Document

    class Commands(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterator[Completion]:
            typed = document.text_before_cursor
            name, space, rest = typed.partition(" ")
            if space and name in ("/image", "/save"):
                found: Iterable[Completion] = PathCompleter(expanduser=True).get_completions(
                    Document(rest), complete_event
                )
                yield from found
            elif not space and typed.startswith("/"):
                for command, does in commands.items():
                    if command.startswith(typed):
                        yield Completion(command, -len(typed), display_meta=does)

    return Commands()
