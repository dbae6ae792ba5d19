"""The plan of an evaluation: what is measured, on what, and how."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tam.evaluate.data_sets import open_data
from tam.evaluate.faithfulness import STEPS
from tam.evaluate.items import Item
from tam.evaluate.tagging import Tagger

MEASURED_AS = 3
"""Version of the measures: results of different versions are never mixed."""

_OPTIONAL = (
    "metrics",
    "causes",
    "levels",
    "corrections",
    "flips",
    "points",
    "location",
    "dtype",
)
"""Options that are kept only if they differ from their defaults, so that older folders match."""


@dataclass(frozen=True)
class Plan:
    """The plan of an evaluation; two runs into the same folder must agree on it.

    Parameters
    ----------
    data, splits, count, world
        See :func:`tam.evaluate.data_sets.open_data`.
    faithful_words
        The number of words of each item to measure insertion and deletion on; 0 for none.
    steps
        The number of steps of the insertion and deletion curves.
    sanity
        Whether to run the sanity checks on the same words, see :mod:`tam.evaluate.sanity`.
    metrics
        Names of metrics that other packages add.
    causes
        Whether to compare maps and relevance with exact causes, see :mod:`tam.evaluate.causes`.
    levels
        Levels at which to measure EAGLE's curves, see :mod:`tam.evaluate.curves`.
    corrections
        Whether to measure how false words are corrected, see :mod:`tam.evaluate.corrections`.
    flips
        Whether to measure how often words change without what their map marks, see
        :mod:`tam.evaluate.flips`.
    points
        Whether to compare maps with the places that the model itself gives, see
        :mod:`tam.evaluate.own_points`.
    location
        Whether to measure where maps point, which needs the map of every noun and function word.
    dtype
        The number type that models are loaded in, see :func:`tam.load`; None for its default.
    """

    data: str = "scenes"
    splits: tuple[str, ...] = ()
    count: int | None = None
    world: str = "test"
    faithful_words: int = 2
    steps: int = STEPS
    sanity: bool = False
    metrics: tuple[str, ...] = ()
    causes: bool = False
    levels: tuple[str, ...] = ()
    corrections: bool = False
    flips: bool = False
    points: bool = False
    location: bool = True
    dtype: str | None = None

    def items(self) -> tuple[Iterator[Item], Tagger]:
        """Open the data set."""
        return open_data(self.data, splits=self.splits, count=self.count, world=self.world)


def settings_of(plan: Plan) -> dict[str, object]:
    """Return a plan as the JSON values that a folder of results keeps."""
    settings: dict[str, object] = {
        "evaluation": MEASURED_AS,
        **asdict(plan),
        "splits": list(plan.splits),
    }
    plain = asdict(Plan())
    for name in _OPTIONAL:
        value = settings.pop(name)
        if value != plain[name]:
            settings[name] = list(value) if isinstance(value, tuple) else value
    return settings
