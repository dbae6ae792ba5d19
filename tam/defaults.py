"""The defaults of options, each defined here once. Importing this module is free."""

METHOD = "tam"
"""The method that explains a reply."""

KERNEL_SIZE = 3
"""Side of the rank Gaussian filter's window, in cells."""

MAX_NEW_TOKENS = 256
"""The longest reply that a model writes, in tokens."""

BATCH_SIZE = 8
"""The number of questions that a batch answers at once."""

FPS = 2.0
"""Frames per second that are taken of a clip."""

MAX_FRAMES = 32
"""The largest number of frames that are taken of a clip."""

DECODER = "pyav"
"""The library that decodes clips."""

COLORS = "inferno"
"""The color map of pictures and movies."""

SECONDS = 0.8
"""Seconds for which a movie shows each word over stills."""

EMBED = "full"
"""Size of the pictures in a report."""
