"""Numbered frames through every container and codec that PyAV writes and reads again."""

from pathlib import Path

import av
import numpy as np
import pytest

from tam.media import Sampling, open_video
from tests.media.numbered import Kind, numbers_of, write

# Each codec and each container at least once, CODEC:CONTAINER.
COMBINATIONS = """
libx264:mp4 libx264:matroska libx264:mpegts libx265:mp4 libvpx-vp9:webm libvpx:webm mpeg4:avi
mpeg2video:mpeg mjpeg:avi wmv2:asf prores_ks:mov flv:flv mpeg2video:mxf amv:nut apng:apng asv1:wtv
libsvtav1:avif cinepak:film_cpk dirac:dirac ffv1:ismv flashsv:avm2 gif:gif h261:h261 h263:3g2
h263p:rawvideo libx264rgb:3gp jpeg2000:mxf_opatom libwebp_anim:webp mpeg1video:dvd mpeg1video:avi
rawvideo:yuv4mpegpipe rv10:rm asv2:avi avrp:mov cfhd:avi cljr:avi dxv:mov ffvhuff:avi huffyuv:avi
jpegls:avi ljpeg:avi magicyuv:avi msmpeg4:avi msmpeg4v2:avi msvideo1:avi png:avi qtrle:mov r10k:avi
r210:avi rpza:avi snow:avi speedhq:avi svq1:avi utvideo:avi v210:avi v308:avi v410:avi vc2:avi
wmv1:avi y41p:avi yuv4:avi zlib:avi zmbv:avi libsvtav1:ivf libsvtav1:obu flashsv:swf flashsv2:flv
h263:h263 libx264:f4v libx264:h264 libx264:ipod libx264:svcd libx264:vcd libx264:vob libx265:hevc
libvpx:ogg libvpx:ogv mjpeg:mjpeg mjpeg:mpjpeg mjpeg:smjpeg mpeg1video:mpeg1video
mpeg2video:mpeg2video mpeg4:m4v rv20:rm mpeg4:3gp libx264:nut libx264:asf mpeg4:mpeg
""".split()
OPTIONS = {
    "libsvtav1": {"preset": "12"},
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"cpu-used": "8", "deadline": "realtime"},
    "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime"},
}
PIXELS = "yuv420p yuv422p yuvj420p yuv444p rgb24 bgr24 rgb0 bgr0 gbrp".split()
FIRST, COUNT, RATE = 3, 12, 25


def kind_of(combination: str) -> Kind:
    codec, container = combination.split(":")
    able = [pixels.name for pixels in av.Codec(codec, "w").video_formats or []] or ["yuv420p"]
    pixels = next((name for name in PIXELS if name in able), able[0])
    options = {"strict": "-2", **OPTIONS.get(codec, {})}
    return Kind(codec, f".{container}", container, options, pixels)


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.filterwarnings("ignore")  # encoders that are old-fashioned
def test_the_frame_shown_is_the_frame_at_that_time(tmp_path: Path, combination: str) -> None:
    # No suffix: the content tells what it is.
    path = write(tmp_path / "clip", range(FIRST, FIRST + COUNT), kind_of(combination), rate=RATE)
    media = open_video(path, Sampling(fps=1000, max_frames=64))
    assert numbers_of(media.frames) == list(range(FIRST, FIRST + COUNT))
    assert np.allclose(media.times, np.arange(COUNT) / RATE, atol=2e-3)

    some = open_video(path, Sampling(num_frames=3, start=2.5 / RATE, end=11.5 / RATE))
    assert numbers_of(some.frames) == [FIRST + 2, FIRST + 5, FIRST + 8]
