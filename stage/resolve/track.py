"""Makes a track of a take: solved anew from landmarks or frames, with other settings, smoothed - or smoothed alone."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from protocols.messages import FacePerformance, Performance, Record
from protocols.takefile import TakeReader
from stage.bodies.body import load_body
from stage.config import Config
from stage.errors import ReplayError
from stage.resolve._frames import read_landmarks
from stage.resolve._resolve import resolve
from stage.resolve._rewrite import Originals, Timed, rewritten, usual_delay_ns
from stage.resolve.passes import backward_pass, forward_pass, measure, topic_of
from stage.resolve.settings import settings
from stage.smoothing import both_ways, smoothed
from stage.takes.about import attached_files
from stage.takes.motion import Motion, load_motions
from stage.takes.track_writer import TrackWriter, carried_files

Source = Literal["landmarks", "frames", "performances"]

_FOREVER_NS = 1 << 62


@dataclass(frozen=True)
class Wish:
    """How a take should be solved again."""

    source: Source | Literal[""] = ""
    """What is solved; "" takes landmarks, of a take without any the performances."""
    smooth: float = 0.0
    """Strength of the smoothing; 0 is none, 1 is tuned for people."""
    assignments: tuple[str, ...] = ()
    """Keys of the config that should be different, such as "body.smoothing=0.5"."""
    config: Path | None = None
    """Another stage.toml, whose settings count instead of the take's."""
    device: str = ""
    """Where landmarks are read from frames: "cuda", or "" as the config says."""
    as_live: bool = False
    """Follow the steps of the live solver, with the recorded config."""
    begin_ns: int = 0
    end_ns: int = _FOREVER_NS
    """Only performances captured in this range of stage time."""

    @property
    def span_ns(self) -> tuple[int, int]:
        """The range."""
        return self.begin_ns, self.end_ns

    def in_words(self) -> dict[str, str]:
        """As one would write it."""
        words = {} if self.smooth <= 0.0 else {"smooth": f"{self.smooth:g}"}
        words |= {} if self.config is None else {"config": self.config.name}
        words |= {"device": self.device} if self.device else {}
        words |= {"as-live": "true"} if self.as_live else {}
        return words | dict(assignment.split("=", 1) for assignment in self.assignments)


class Made(NamedTuple):
    """A track that was made."""

    path: Path
    source: Source
    records: int
    """Performances and faces."""


def make_track(take: TakeReader, name: str, wish: Wish, report: Callable[[str], None] = print) -> Made:
    """Solves a take again into a new track; the take is read only.

    Args:
        take: The take.
        name: Of the track; one that there is stays, and is an error.
        wish: What should be different.
        report: Told what is going on.

    Raises:
        ReplayError: The wish asks for nothing, or for what contradicts itself.
        TakeError: The take is damaged, has not what is needed, or the track cannot be written.
        StageError: The settings cannot be used.
    """
    source = _source(take, wish)
    with (
        tempfile.TemporaryDirectory(prefix="stage-solve-") as scratch,
        TrackWriter(take, name, made_from=source, settings=wish.in_words()) as writer,
    ):
        folder = Path(scratch)
        if source == "performances":
            timed = _smoothed_alone(take, wish)
            writer.attach(carried_files(take))
        else:
            config = _settings(take, wish, folder)
            timed = _solved(take, config, source, wish, folder, report)
            writer.attach(attached_files(config))  # with what has been measured
        count = _write(writer, take, timed)
        if count == 0:
            raise ReplayError(f"{take.path}: nobody was found; there is nothing to make a track of")
    return Made(writer.path, source, count)


def _source(take: TakeReader, wish: Wish) -> Source:
    """What is solved again.

    Raises:
        ReplayError: Nothing that could be, or for what nothing is asked.
    """
    has_landmarks = any(topic.startswith("landmarks.") for topic in take.counts)
    source = wish.source or ("landmarks" if has_landmarks or wish.smooth <= 0.0 else "performances")
    if source == "landmarks" and not has_landmarks and not any(t.startswith("external.") for t in take.counts):
        raise ReplayError(f"{take.path}: holds no landmarks; its performances can be smoothed: --smooth")
    if source == "performances" and wish.smooth <= 0.0:
        raise ReplayError("--source performances solves nothing, it can only smooth: add --smooth")
    if source == "performances" and (wish.assignments or wish.config or wish.device):
        raise ReplayError(
            "--source performances solves nothing, so settings have no effect: leave out --set and --config"
        )
    if wish.as_live and (source != "landmarks" or wish.smooth > 0.0 or wish.assignments or wish.config):
        raise ReplayError("--as-live gives what was live, so it goes with no other settings: leave one of them out")
    if wish.device and source != "frames":
        raise ReplayError("--device is where frames are read: add --source frames")
    return source


def _settings(take: TakeReader, wish: Wish, folder: Path) -> Config:
    profiles = folder / "profiles"
    profiles.mkdir()
    smooth = wish.smooth > 0.0
    return settings(take, profiles, other=wish.config, assignments=wish.assignments, device=wish.device, smooth=smooth)


def _smoothed_alone(take: TakeReader, wish: Wish) -> Iterator[Timed]:
    motions = load_motions(take, *wish.span_ns)
    calm = {actor: smoothed(motion, wish.smooth) for actor, motion in motions.items()}
    return rewritten(calm, Originals(take), None)


def _solved(
    take: TakeReader, config: Config, source: Source, wish: Wish, folder: Path, report: Callable[[str], None]
) -> Iterator[Timed]:
    """Performances and faces; bodies and faces are measured before this returns."""
    body, span_ns, delay_ns = load_body(), wish.span_ns, usual_delay_ns(take)
    seen = take
    if source == "frames":
        seen = read_landmarks(take, config, body, folder / "landmarks.mcap", span_ns, report)
    if not wish.as_live:
        measure(seen, config, body, report)
    if wish.smooth <= 0.0:
        begin_ns, end_ns = span_ns
        resolved = resolve(seen, config, as_live=wish.as_live, begin_ns=begin_ns, end_ns=end_ns, body=body)
        return (Timed(one.capture_ns + delay_ns, one) for one in resolved)
    forward = forward_pass(seen, config, body, folder / "forward.mcap", span_ns)
    report("solved forwards")
    backward = backward_pass(seen, config, body, folder / "backward.mcap", span_ns)
    report("solved backwards")
    calm = {actor: _smoothed(forward.get(actor), backward.get(actor), wish) for actor in {*forward, *backward}}
    return rewritten(calm, Originals(TakeReader(folder / "forward.mcap")), delay_ns)


def _smoothed(forward: Motion | None, backward: Motion | None, wish: Wish) -> Motion:
    if forward is not None and backward is not None:
        return smoothed(both_ways(forward, backward), wish.smooth)
    one = forward if forward is not None else backward
    assert one is not None  # an actor is of one of the two
    return smoothed(one, wish.smooth)


def _write(writer: TrackWriter, take: TakeReader, timed: Iterator[Timed]) -> int:
    """Writes records with the take's timecode among them; returns how many performances and faces there are."""
    timecode = ((entry.received_ns, entry.decoded().record) for entry in take.records("timecode"))
    entries: Iterator[tuple[int, Record]] = heapq.merge(timed, timecode, key=lambda entry: entry[0])
    count = latest_ns = 0
    for received_ns, record in entries:
        latest_ns = max(latest_ns, received_ns)
        made = isinstance(record, Performance | FacePerformance)
        writer.write(topic_of(record) if made else "timecode", record, latest_ns)
        count += made
    return count
