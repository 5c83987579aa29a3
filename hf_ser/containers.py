"""How many samples a sound file's own headers announce, for libsndfile reads truncated files short without a word."""

import struct
from collections.abc import Iterator

# A WAV written to a pipe cannot know its length: 0xFFFFFFFF (ffmpeg), 0x7FFFF000 and up (SoX), 0 (others).
STREAMED = 0x7FFFF000


def describe_cut(content: bytes, announced: int, decoded: int) -> str:
    """What shows that a file holds less sound than it announces; "" for a whole one.

    Args:
        content: The bytes of the file.
        announced: Frames that libsndfile expected on opening.
        decoded: Frames that it gave.
    """
    if content[:4] == b"OggS":
        return "its last page is missing or cut" if _last_ogg_page_is_missing(content) else ""
    if content[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        cut = _sample_chunk_is_cut(content)
    else:
        cut = decoded < announced and _counts_frames(content)
    return f"its header announces more than the {decoded} frames it holds" if cut else ""


def finalise_streamed_wav(content: bytes) -> bytes:
    """A WAV whose writer left the length at 0, with the length that libsndfile reads to the end of the file."""
    for name, size, start in _chunks(content) if content[:4] == b"RIFF" else ():
        riff_size = struct.unpack_from("<I", content, 4)[0]
        if name == b"data" and size == 0 and riff_size != len(content) - 8:
            return content[: start - 4] + b"\xff\xff\xff\xff" + content[start:]
    return content


def _sample_chunk_is_cut(content: bytes) -> bool:
    """Whether the file ends inside its `data` (WAV) or `SSND` (AIFF) chunk."""
    long_size = None  # of RF64, whose `data` says 0xFFFFFFFF and whose chunk `ds64` says it in 64 bits (EBU Tech 3306)
    for name, size, start in _chunks(content):
        if name == b"ds64" and start + 16 <= len(content):
            long_size = struct.unpack_from("<Q", content, start + 8)[0]
        if name in (b"data", b"SSND"):
            if size == 0xFFFFFFFF and long_size is not None:
                return start + long_size > len(content)
            return size < STREAMED and start + size > len(content)
    return False


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and start of each chunk of a WAV (little-endian), RIFX or AIFF (big-endian), by its header alone."""
    header = "<4sI" if content[:4] in (b"RIFF", b"RF64") else ">4sI"
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from(header, content, position)
        yield name, size, position + 8
        position += 8 + size + size % 2  # chunks start at even positions


def _last_ogg_page_is_missing(content: bytes) -> bool:
    """Whether the last page is cut, or lacks the flag that ends a stream (RFC 3533, section 6)."""
    page = content[content.rfind(b"OggS") :]
    if len(page) < 27 or not page[5] & 0x04:
        return True
    segments = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(segments)


def _counts_frames(content: bytes) -> bool:
    """Whether the announced length is a count; in an MP3 without a Xing or Info header it is a guess."""
    start = content[:4096]
    return start[:4] == b"fLaC" or b"Xing" in start or b"Info" in start
