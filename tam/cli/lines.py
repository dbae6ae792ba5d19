"""Lines that a person types: with completion and history where a terminal is at both ends."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console


def line_reader(console: Console, commands: Mapping[str, str]) -> Callable[[], str | None]:
    """Return a function that reads the next line, or None at the end.

    Parameters
    ----------
    console
        Where the prompt is printed.
    commands
        What the Tab key completes, with what each does.
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

    # The stream below the one that drops what could steer a terminal, which editing a line does.
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
    """Make what completes commands, and names of files behind ``/image`` and ``/save``."""
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
