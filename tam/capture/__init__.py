"""Forward passes of the model, whose states and probabilities are recorded.

Methods that run the model again do so through :mod:`tam.replay`; nothing else calls it.

Forward hooks read the text decoder's output (the final-normed last hidden states) and the model's
logits while transformers' own ``generate`` runs. Only needed positions are kept, in the model's
dtype. Whatever generates in another order than one token after another (beams, assistants, several
sequences, compiled or cacheless decoding) is recognised by the states that passed, and explained by
teacher forcing afterwards.
"""

from tam.capture.forcing import force
from tam.capture.generating import generate
from tam.capture.hooks import TokenCallback
from tam.capture.padding import fitting_parts
from tam.capture.placing import in_its_dtype
from tam.capture.run import PrefixCache, Request, Run

__all__ = [
    "PrefixCache",
    "Request",
    "Run",
    "TokenCallback",
    "fitting_parts",
    "force",
    "generate",
    "in_its_dtype",
]
