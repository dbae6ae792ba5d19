"""What a reply can be asked: one set of options for every door, checked before the model runs.

The doors are ``Model.explain``, ``explain_conversation``, ``explain_batch``, ``stream``,
``Chat.say`` and the command line. A word that none of them knows is looked up in what
transformers' ``generate`` takes, then in the variables of the model's chat template, and refused
where neither has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, cast

from tam.capture.generating import generate_words
from tam.defaults import DECODER, MAX_NEW_TOKENS, METHOD
from tam.errors import InputError
from tam.families.checkpoint import Checkpoint
from tam.media import Sampling, Source, open_all
from tam.methods.choosing import AnyMethod, Chosen, choose
from tam.methods.method import Use
from tam.prompt.conversation import Conversation, question
from tam.prompt.template import known_variables
from tam.recording.answers import Answer
from tam.recording.recording import check_candidates
from tam.text.nearest import suggestion

__all__ = [
    "DEFAULTS",
    "Explaining",
    "Generation",
    "Opening",
    "Options",
    "Question",
    "Running",
    "Shared",
    "Writing",
]

Question = tuple[Source | Sequence[Source], str] | Conversation
"""Media and prompt, or a conversation whose media are opened already."""


class Generation(TypedDict, total=False):
    """Options of transformers' ``generate`` by their types; it takes any other too."""

    min_new_tokens: int
    do_sample: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    num_beams: int
    repetition_penalty: float
    no_repeat_ngram_size: int
    suppress_tokens: Sequence[int]
    stopping_criteria: Sequence[Any]
    logits_processor: Sequence[Any]
    use_cache: bool
    cache_implementation: str
    prompt_lookup_num_tokens: int


class Writing(Generation, total=False):
    """How a reply is written.

    Parameters
    ----------
    max_new_tokens
        The longest reply to write, in tokens.
    seed
        Seed of a sampled reply; it goes into the provenance.
    candidate_maps
        How many of each step's candidates, 8 at most, get a map of their own.
    template_variables
        Variables of the model's chat template. One that the template reads can also be given by
        its own name, such as ``enable_thinking=False``.
    """

    max_new_tokens: int
    seed: int | None
    candidate_maps: int
    template_variables: Mapping[str, Any]


class Explaining(TypedDict, total=False):
    """How a reply is explained.

    Parameters
    ----------
    method
        A name (``tam methods`` lists them), a method with its options such as
        ``tam.methods.Tam(kernel_size=5)``, or a function ``(trace, replay, targets)``, see
        :mod:`tam.methods`.
    method_options
        Options of the method.
    kernel_size
        The method's option of this name: the odd side of the rank Gaussian filter's window.
    stages
        The method's option of this name: keep each map before scaling and filtering too.
    """

    method: AnyMethod
    method_options: Mapping[str, Any] | None
    kernel_size: int | None
    stages: bool


class Opening(TypedDict, total=False):
    """How pictures and clips are opened.

    Parameters
    ----------
    sampling
        Which frames of a clip are taken.
    decoder
        The library that decodes clips: ``"pyav"``, ``"decord"`` or ``"opencv"``.
    allow_urls
        Fetch pictures from http(s) addresses.
    """

    sampling: Sampling | None
    decoder: str
    allow_urls: bool


class Running(Writing, total=False):
    """The options of a recorded run: how a reply is written, or which one is read.

    Parameters
    ----------
    answer
        Explain this text (or these token ids) in place of one that the model writes: what it said
        earlier, or what anyone else said.
    """

    answer: Answer


class Shared(Writing, Explaining, Opening, total=False):
    """All options but the answer, which a batch has for each question."""


class Options(Running, Shared, total=False):
    """All options, see :class:`Running`, :class:`Explaining` and :class:`Opening`."""


DEFAULTS: Final[Options] = {
    "answer": None,
    "max_new_tokens": MAX_NEW_TOKENS,
    "seed": None,
    "candidate_maps": 0,
    "template_variables": {},
    "method": METHOD,
    "method_options": None,
    "kernel_size": None,
    "stages": False,
    "sampling": None,
    "decoder": DECODER,
    "allow_urls": False,
}
"""What holds where an option is left out."""


@dataclass(frozen=True, eq=False)
class Asked:
    """The options of one call, checked and sorted by who takes them.

    Parameters
    ----------
    answer, seed, candidate_maps
        See :class:`Options`.
    generation
        Options of transformers' ``generate``.
    template
        Variables of the chat template.
    method
        How the reply is explained.
    opening
        Arguments of :func:`tam.media.open_all`.
    """

    answer: Answer
    seed: int | None
    candidate_maps: int
    generation: Mapping[str, Any]
    template: Mapping[str, Any]
    method: Chosen
    opening: Mapping[str, Any]

    def open(self, item: Question) -> Conversation:
        """Open the media of a question."""
        if isinstance(item, Conversation):
            return item
        media, prompt = item
        return question(open_all(media, **self.opening), prompt)

    @property
    def running(self) -> dict[str, Any]:
        """Arguments of :func:`tam.recording.running.run`."""
        own = {"answer": self.answer, "seed": self.seed, "candidate_maps": self.candidate_maps}
        return {**own, "template_variables": self.template, **self.generation}


def asked(checkpoint: Checkpoint, options: Mapping[str, Any], kind: type = Options) -> Asked:
    """Check the options of a call.

    Parameters
    ----------
    checkpoint
        The model that is asked: its chat template and its own ``generate`` know some of the words.
    options
        As in :class:`Options`, with any others of ``generate`` and of the template.
    kind
        The options that the door has: :class:`Options` or some of them.

    Raises
    ------
    InputError
        If a word is not known, or the method does not have what is asked of it.
    """
    given: dict[str, Any] = {**DEFAULTS, **options}
    method = chosen(given)
    candidates = given["candidate_maps"]
    check_candidate_maps(method, candidates)
    reads = known_variables(checkpoint.processor, checkpoint.adapter)
    _check_words(given["template_variables"], reads, "template")
    others = {name: value for name, value in given.items() if name not in DEFAULTS}
    model_class: Any = type(checkpoint.module)
    generates = generate_words(model_class)
    known = {*kind.__annotations__, *generates, *reads}
    _check_words({**others, **options}, known, "options")
    template = {name: value for name, value in others.items() if name not in generates}
    generation = {name: value for name, value in others.items() if name in generates}
    return Asked(
        answer=given["answer"],
        seed=given["seed"],
        candidate_maps=candidates,
        generation={"max_new_tokens": given["max_new_tokens"], **generation},
        template={**given["template_variables"], **template},
        method=method,
        opening={name: given[name] for name in Opening.__annotations__},
    )


def chosen(options: Mapping[str, Any]) -> Chosen:
    """Choose the method that some of the options of :class:`Explaining` name.

    Raises
    ------
    InputError
        If there is no such method or option of it, or a method that carries its options is given
        others.
    """
    given = {**DEFAULTS, **options}
    method, added = given["method"], dict(given["method_options"] or {})
    for name, left_out in (("kernel_size", None), ("stages", False)):
        if given[name] != left_out:
            if name in added:
                raise InputError(
                    f"{name} is given twice", where="method_options", remedy="give it once"
                )
            added[name] = given[name]
    found = choose(method)
    if added and isinstance(method, Use):
        raise InputError(
            "it carries its options already",
            where=f"method {method.name}",
            remedy=f"give {', '.join(added)} to it",
        )
    return found.with_options(added)


def check_candidate_maps(method: Chosen, count: int) -> None:
    """Refuse maps of more candidates than are kept, or by a method that cannot map them.

    Raises
    ------
    InputError
        In both cases.
    """
    check_candidates(count)
    if count and not method.method.candidates:
        raise InputError(
            "it has no candidate maps",
            where=f"method {method.method.name}",
            remedy="leave candidate_maps out, or use tam",
        )


def check_opened(options: Mapping[str, Any]) -> None:
    """Refuse options for opening media that are opened already.

    Raises
    ------
    InputError
        With the first of them.
    """
    defaults: Mapping[str, Any] = DEFAULTS
    for name in Opening.__annotations__:
        if options.get(name, defaults[name]) != defaults[name]:
            raise InputError(
                "the media of a conversation are opened already",
                where=name,
                remedy="give it to tam.open_image, tam.open_video or Model.explain",
            )


def without_opening(options: Options) -> Options:
    """Drop the options for opening media, once they are opened."""
    opening = Opening.__annotations__
    kept: Any = {name: value for name, value in options.items() if name not in opening}
    return cast(Options, kept)


def check_words(options: Mapping[str, Any], kind: type) -> None:
    """Refuse words that are not among the options of a kind, such as :class:`Explaining`.

    Raises
    ------
    InputError
        With the nearest that there is.
    """
    _check_words(options, set(kind.__annotations__), "options")


def _check_words(words: Mapping[str, Any], known: "set[str] | frozenset[str]", where: str) -> None:
    for name in words:
        if name not in known:
            raise InputError(
                f"unknown option {name!r}"
                if where == "options"
                else f"the model's chat template does not read {name!r}",
                where=where,
                remedy=_remedy(name, known, where),
            )


def _remedy(name: str, known: "set[str] | frozenset[str]", where: str) -> str:
    if where == "template":
        return suggestion(name, sorted(known), otherwise="it reads")
    own = [word for word in DEFAULTS if word in known]
    near = suggestion(name, sorted(known))
    return near if near.startswith("did") else suggestion(name, own)
