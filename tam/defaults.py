"""The defaults of options, each defined here once. This module imports nothing."""

METHOD = "tam"
"""The method that explains a reply."""

KERNEL_SIZE = 3
"""Side of the rank Gaussian filter's window, in cells."""

MAX_NEW_TOKENS = 256
"""The maximum length of a reply, in tokens."""

BATCH_SIZE = 8
"""The number of questions that a batch answers at once."""

FPS = 2.0
"""The number of frames sampled per second of a clip."""

MAX_FRAMES = 32
"""The largest number of frames sampled from a clip."""

DECODER = "pyav"
"""The library that decodes clips."""

COLORS = "inferno"
"""The color map for pictures and movies."""

SECONDS = 0.8
"""How long a movie of still pictures shows each word, in seconds."""

EMBED = "full"
"""The size at which a report embeds its pictures."""

FILLER = "blur"
"""The replacement of pixels that a check hides."""

GROWTH = 0.03
"""How far beyond its edge a check hides a region, as a share of the picture's shorter side."""
