"""The weights of the grounding score, by the models that they were fitted for."""

from collections.abc import Mapping

Weights = tuple[float, float, float]
"""Weights of *seen* and *said* (:mod:`tam.recording.grounding`), and the constant."""

PLANTED: Weights = (1.33, 0.395, 5.48)
"""Fitted on words that were planted in true replies about scenes; used for all other models, too.

They were fitted on an earlier pair of small models and kept. Planted words are improbable, while a
model's own hallucinations are not, and a fit on a better model relies more on that difference. A
fit on the current models (1.59, 1.76, 16.33) detects planted words even better, but it would accept
a confident word that no cell shows.
"""

INVENTED: Weights = (0.491, 1.153, 1.630)
"""Fitted on nouns that the photo model named itself, 48 of 138 of them false, on composites that no
measurement uses (``python -m benchmarks.invented --weights``)."""

CALIBRATED: Mapping[str, Weights] = {
    "small": PLANTED,
    "small-masks": PLANTED,
    "photo": INVENTED,
}
"""The weights of each model whose false words the score was fitted and measured on."""

WEIGHTS_KEY = "grounding_weights"
"""The entry of an explanation's provenance with the weights of its score; without it, PLANTED."""
