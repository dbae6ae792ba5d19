"""``tam explain --states``: a reply that a serving engine wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tam.errors import InputError

if TYPE_CHECKING:
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

# The options of a reply that concern its explanation, not its generation.
_EXPLAINING = ("method", "method_options", "stages", "candidate_maps")
_WRITING = ("answer", "max_new_tokens", "seed", "do_sample")


def explain_served(
    conversation: "Conversation",
    wanted: "Options",
    answer: Path | None,
    states: Path | None,
    loading: Mapping[str, Any],
    unfit: Mapping[str, Any],
) -> "Explanation":
    """Explain a reply that was written elsewhere, by a model that does not run here.

    Parameters
    ----------
    conversation
        The conversation that the engine answered.
    wanted
        The options of the command.
    answer, states
        Files of the engine's reply and states.
    loading
        Arguments of :func:`tam.from_states`.
    unfit
        Values of the options that need a model that runs here, by their names.

    Raises
    ------
    InputError
        If one of the two files is not named, or an option does not fit.
    """
    if answer is None or states is None:
        raise InputError(
            "the reply and its states belong together",
            where="--states" if states is None else "--answer-file",
            remedy="give both files; for SGLang the same one twice",
        )
    given = [name for name, value in unfit.items() if value not in (None, False)]
    if given:
        raise InputError(
            "the reply was written elsewhere", where=given[0], remedy="leave the option out"
        )
    from tam.model.assembled import default_model
    from tam.served.explaining import from_states

    typed = dict(wanted)
    own: dict[str, Any] = {name: typed[name] for name in _EXPLAINING if name in typed}
    more: dict[str, Any] = {
        name: value for name, value in typed.items() if name not in (*own, *_WRITING)
    }
    return from_states(
        conversation,
        answer=answer,
        states=states,
        model=loading["model"] or default_model(),
        revision=loading["revision"],
        dtype=loading["dtype"],
        **own,
        **more,
    )
