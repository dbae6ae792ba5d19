"""Forward passes of the model, with its states and probabilities recorded.

Methods that run the model again do so through :mod:`tam.replay`. Apart from the layout probe, only
these two packages call the model.

Forward hooks read the text decoder's output (the last hidden states, after the final norm) and the
model's logits while transformers' own ``generate`` runs. Only the positions that are needed are
kept, in the model's dtype. Decoding that does not produce one token after another (beams,
assistants, several sequences, compiled or cacheless decoding) is detected from the hidden states
seen by the hooks, and its reply is then read by teacher forcing.
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
