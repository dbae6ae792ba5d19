"""Opening media: the only part of the toolkit that reads picture files."""

from tam.media.image import Source, open_image
from tam.media.media import Media, image_from_array

__all__ = ["Media", "Source", "image_from_array", "open_image"]
