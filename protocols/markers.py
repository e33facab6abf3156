"""Records of optical markers: what a marker system measured, kept in a take for who solves or shows it.

An import writes them on the topic `markers.<source>`.
"""

from __future__ import annotations

from protocols.messages import Record


class MarkerFrame(Record, frozen=True):
    """All markers of one source at one instant."""

    source: str
    number: int
    """Counts the frames of this source, from 0."""
    capture_ns: int
    labels: tuple[str, ...]
    """Names as the file has them; those that begin with "*" have not been told apart by their system."""
    points: bytes
    """float32 (labels, 3): in the world, metres, right-handed with Z up; zeros where a marker was not seen."""
    seen: bytes
    """uint8 (labels,): 1 where a marker was seen, else 0."""
