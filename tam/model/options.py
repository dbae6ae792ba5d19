"""Options of a reply: one set for all entry functions, checked before the model runs.

The entry functions are ``Model.explain``, ``explain_conversation``, ``explain_batch``, ``stream``,
``Chat.say`` and the command line. Any other option is looked up among those of transformers'
``generate``, then among the variables of the model's chat template, and refused if neither has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, cast

from tam.capture.generating import generate_words
from tam.defaults import DECODER, MAX_NEW_TOKENS, METHOD
from tam.errors import InputError
from tam.families.checkpoint import Checkpoint
from tam.media import Cut, Sampling, Source, open_all
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
"""Media and prompt, or a conversation whose media are already opened."""


class Generation(TypedDict, total=False):
    """Common options of transformers' ``generate`` with their types; others are accepted, too."""

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
        The maximum length of the reply, in tokens.
    seed
        Seed of a sampled reply, recorded in the provenance.
    candidate_maps
        How many candidates at each step get maps of their own, from 0 to 8.
    template_variables
        Variables of the model's chat template. Each can also be passed as a separate option,
        such as ``enable_thinking=False``.
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
    refine
        Names of refinements to apply to the maps, in order, see :mod:`tam.refine`.
    relevance
        Name of the method whose relevance of earlier words is shown beside the maps, such as
        ``"attn-lrp"``. None uses the relevance of the method itself, if it computes any, at no
        extra cost. If two different methods are used, a word's share is not known.
    kernel_size
        The ``tam`` option of this name: the side of the rank Gaussian filter's window, an odd
        number.
    stages
        The ``tam`` option of this name: whether to also keep each map as it was before scaling and
        filtering.
    """

    method: AnyMethod
    method_options: Mapping[str, Any] | None
    refine: Sequence[str]
    relevance: str | None
    kernel_size: int | None
    stages: bool


class Opening(TypedDict, total=False):
    """How pictures and clips are opened.

    Parameters
    ----------
    sampling
        Which frames of a clip to use.
    decoder
        The library that decodes clips: ``"pyav"``, ``"decord"`` or ``"opencv"``.
    allow_urls
        Whether to fetch pictures from http(s) addresses.
    cut
        Which part of a volume, a stack of pages or a slide to use.
    """

    sampling: Sampling | None
    decoder: str
    allow_urls: bool
    cut: Cut | None


class Running(Writing, total=False):
    """The options of a recorded run: how a reply is written, or the given reply that is read.

    Parameters
    ----------
    answer
        A given reply to explain, as text or token ids, instead of one that the model writes. It may
        be an earlier reply of the model or any other text.
    """

    answer: Answer


class Shared(Writing, Explaining, Opening, total=False):
    """All options except the answer, which a batch takes for each question."""


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
    "refine": (),
    "relevance": None,
    "kernel_size": None,
    "stages": False,
    "sampling": None,
    "decoder": DECODER,
    "allow_urls": False,
    "cut": None,
}
"""The default values of options."""


@dataclass(frozen=True, eq=False)
class Asked:
    """The checked options of one call, grouped by the functions that take them.

    Parameters
    ----------
    answer, seed, candidate_maps
        See :class:`Options`.
    generation
        Options of transformers' ``generate``.
    template
        Variables of the chat template.
    method
        The method with its options.
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
        The model that answers; its ``generate`` and its chat template accept further options.
    options
        As in :class:`Options`, and any others that ``generate`` or the template accepts.
    kind
        The options that the caller accepts: :class:`Options` or a part of them.

    Raises
    ------
    InputError
        If an option is unknown, or the method does not have it.
    """
    given: dict[str, Any] = {**DEFAULTS, **options}
    method = chosen(given)
    if "method" in kind.__annotations__:
        method.check_model(cross_attention=checkpoint.adapter.cross_attention)
    candidates = given["candidate_maps"]
    check_candidate_maps(method, candidates)
    others = {name: value for name, value in given.items() if name not in DEFAULTS}
    model_class: Any = type(checkpoint.module)
    generates = generate_words(model_class)
    known = {*kind.__annotations__, *generates}
    if given["template_variables"] or not known.issuperset({*others, *options}):
        # Parsing the template takes longer than all other checks.
        reads = known_variables(checkpoint.processor, checkpoint.adapter)
        _check_words(given["template_variables"], reads, "template")
        _check_words({**others, **options}, known | reads, "options")
    template = {name: value for name, value in others.items() if name not in generates}
    generation = {name: value for name, value in others.items() if name in generates}
    return Asked(
        answer=given["answer"],
        seed=given["seed"],
        candidate_maps=candidates,
        generation={**_limit(given, options), **generation},
        template={**given["template_variables"], **template},
        method=method,
        opening={name: given[name] for name in Opening.__annotations__},
    )


def _limit(given: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, int]:
    """Return the limit of new tokens, unless only the caller's ``generation_config`` sets one."""
    settings = options.get("generation_config")
    own = getattr(settings, "max_new_tokens", None) is not None
    return (
        {}
        if own and "max_new_tokens" not in options
        else {"max_new_tokens": given["max_new_tokens"]}
    )


def chosen(options: Mapping[str, Any]) -> Chosen:
    """Return the method that options of :class:`Explaining` name.

    Raises
    ------
    InputError
        If the method or one of its options is unknown, or options are given in addition to a method
        object that already has its own.
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
    found = choose(method).with_refinements(given["refine"]).with_relevance(given["relevance"])
    if added and isinstance(method, Use):
        raise InputError(
            "already carries its options",
            where=f"method {method.name}",
            remedy=f"give {', '.join(added)} to it",
        )
    return found.with_options(added)


def check_candidate_maps(method: Chosen, count: int) -> None:
    """Refuse a request for maps of too many candidates, or from a method that cannot map them.

    Raises
    ------
    InputError
        In either case.
    """
    check_candidates(count)
    if count and not method.method.candidates:
        raise InputError(
            "has no candidate maps",
            where=f"method {method.method.name}",
            remedy="leave candidate_maps out, or use tam",
        )


def check_opened(options: Mapping[str, Any]) -> None:
    """Refuse options for opening media when the media are already opened.

    Raises
    ------
    InputError
        If there is such an option. The message names the first one.
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
    """Return the options without those for opening media."""
    opening = Opening.__annotations__
    kept: Any = {name: value for name, value in options.items() if name not in opening}
    return cast(Options, kept)


def split_explaining(options: Options) -> tuple[Explaining, Running]:
    """Split options into those of the explanation and those of the run."""
    named = Explaining.__annotations__
    explaining: Any = {name: value for name, value in options.items() if name in named}
    running: Any = {name: value for name, value in options.items() if name not in named}
    return explaining, running


def check_words(options: Mapping[str, Any], kind: type) -> None:
    """Refuse options that a set of options, such as :class:`Explaining`, does not define.

    Raises
    ------
    InputError
        If a name is unknown. The message names the nearest known one.
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
