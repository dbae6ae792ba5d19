"""The values of options that a user leaves out. Each stands here once; importing it is free."""

METHOD = "tam"
"""The method that explains a reply."""

KERNEL_SIZE = 3
"""Side of the rank Gaussian filter's window, in cells."""

MAX_NEW_TOKENS = 256
"""The longest reply that a model writes, in tokens."""

BATCH_SIZE = 8
"""How many questions a batch answers at once."""

FPS = 2.0
"""Frames a second that are taken of a clip."""

MAX_FRAMES = 32
"""The most frames that are taken of a clip."""

DECODER = "pyav"
"""The library that decodes clips."""

COLORS = "inferno"
"""The color map of pictures and movies."""

SECONDS = 0.8
"""How long a movie over stills shows each word."""
