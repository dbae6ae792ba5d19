"""``tam explain --states``: explain a reply that a serving engine wrote."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tam.errors import InputError

if TYPE_CHECKING:
    from tam.cli.groups import Loading
    from tam.explanation.explanation import Explanation
    from tam.model.options import Options
    from tam.prompt.conversation import Conversation

AnswerFile = Annotated[
    Path | None,
    typer.Option(help="The reply of a serving engine, with its token ids, as JSON; with --states."),
]
States = Annotated[
    Path | None,
    typer.Option(help="That reply's last-layer states, by vLLM, SGLang or docs/elsewhere.md."),
]

_WRITING = ("answer", "max_new_tokens", "seed", "do_sample")
"""The options that control how a reply is written."""


def explain_served(
    conversation: "Conversation",
    wanted: "Options",
    answer: Path | None,
    states: Path | None,
    model: str | None,
    loading: "Loading",
) -> "Explanation":
    """Explain a reply that was written elsewhere, by a model that does not run here.

    Parameters
    ----------
    conversation
        The conversation that the engine answered.
    wanted
        The options of the command.
    answer, states
        The files that hold the engine's reply and states.
    model, loading
        The checkpoint whose processor, final norm and LM head are read; its revision and dtype.

    Raises
    ------
    InputError
        If only one of the two files is given.
    """
    if answer is None or states is None:
        raise InputError(
            "the reply and its states belong together",
            where="--states" if states is None else "--answer-file",
            remedy="give both files; for SGLang the same one twice",
        )
    from tam.model.assembled import default_model
    from tam.served.explaining import from_states

    given: Any = {name: value for name, value in wanted.items() if name not in _WRITING}
    return from_states(
        conversation,
        answer=answer,
        states=states,
        model=model or default_model(),
        revision=loading.revision,
        dtype=loading.dtype,
        **given,
    )
