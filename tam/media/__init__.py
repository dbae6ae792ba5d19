"""Open pictures and clips; no other package of the toolkit reads picture and video files."""

from tam.media.cut import Cut
from tam.media.image import Source, open_image
from tam.media.media import Media, image_from_array
from tam.media.opening import open_all, open_media
from tam.media.sampling import Sampling
from tam.media.video import open_video

__all__ = [
    "Cut",
    "Media",
    "Sampling",
    "Source",
    "image_from_array",
    "open_all",
    "open_image",
    "open_media",
    "open_video",
]
