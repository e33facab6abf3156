"""Writes what was imported as a take: everything that reads takes of the stage reads it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from protocols.clock import ClockFile
from protocols.codec import encode
from protocols.errors import TakeError
from protocols.takefile import TakeReader, TakeWriter
from protocols.timecode import FrameRate, Timecode
from stage.bodies.body import load_body
from stage.bodies.profile import FILE_NAME, save_shape
from stage.config import Config
from stage.errors import RecordError
from stage.imports._imported import read_bytes
from stage.imports._records import Part, records
from stage.takes.about import attached_files, clock_facts, library, software
from stage.takes.folder import check_space, create_take, free_bytes
from stage.takes.names import SUFFIX, safe_name

_NUMBERED = re.compile(r"(.+)_(\d{3,6})", re.ASCII)


def write_take(parts: Sequence[Part], config: Config, out: Path | None, slate: str) -> Path:
    """Writes a new take; what is there is never touched.

    Args:
        parts: What goes in, at its stage times.
        config: Of the take: its actors, the timecode by which the times were chosen, the folder of its takes.
        out: The file; None: the next number of the slate in the folder.
        slate: The take's slate; "" follows from `out`, or is that of the config.

    Returns:
        The take file, read back and found whole.

    Raises:
        RecordError: There is such a file already, or no space, or no right to write.
        TakeError: It cannot be written.
    """
    with _new_take(out, slate, config) as (writer, known_as, number):
        begin_ns = min(part.begin_ns for part in parts)
        end_ns = max(part.begin_ns + part.imported.span_ns for part in parts)
        rate = FrameRate.parse(config.timecode.rate or "30")
        writer.note("take", _about(writer, known_as, number, config, begin_ns, rate, parts))
        writer.note("clock", clock_facts(ClockFile(offset_ns=0, epoch_ns=begin_ns)))
        writer.note("software", software())
        for file in attached_files(config):
            writer.attach(file.name, file.data, file.media_type, begin_ns)
        for part in parts:
            _attach_shape(writer, part, begin_ns)
        counts: Counter[str] = Counter()
        for time_ns, topic, record in records(parts):
            data = encode(record, counts[topic], time_ns, start=1)
            writer.write(topic, type(record).__name__, data, time_ns, time_ns, counts[topic])
            counts[topic] += 1
        count = writer.records
        writer.finish(
            {
                "ended_ns": str(end_ns),
                "seconds": f"{(end_ns - begin_ns) / 1e9:.3f}",
                "timecode": _label(end_ns, rate),
                "records": str(count),
                "lost": "0",
                "fault": "",
            }
        )
        if sum(1 for _ in TakeReader(writer.path).records()) != count:
            raise TakeError(f"{writer.path}: reads back otherwise than it was written; is the disk sound?")
        return writer.path


@contextmanager
def _new_take(out: Path | None, slate: str, config: Config) -> Iterator[tuple[TakeWriter, str, int]]:
    """An open take with its slate and number; a file that could not be finished is taken away again."""
    folder = Path(config.record.folder) if out is None else out.absolute().parent
    check_space(free_bytes(folder), folder)
    if out is None:
        slate = slate or config.record.slate
        number, writer = create_take(folder, slate, 0, library())
    else:
        if out.suffix != SUFFIX:
            raise RecordError(f"{out}: a take's name ends in {SUFFIX}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writer = TakeWriter(out, library())
        except FileExistsError:
            raise RecordError(f"{out} is there already, and takes are never overwritten; choose another name") from None
        except OSError as error:
            raise RecordError(f"{folder}: {error.strerror}; a take cannot be written there") from error
        numbered = _NUMBERED.fullmatch(out.stem)
        slate = slate or (numbered[1] if numbered else out.stem)
        number = int(numbered[2]) if numbered else 0
    try:
        yield writer, slate, number
    except BaseException:
        writer.close()
        writer.path.unlink(missing_ok=True)
        raise


def _about(
    writer: TakeWriter,
    slate: str,
    number: int,
    config: Config,
    begin_ns: int,
    rate: FrameRate,
    parts: Sequence[Part],
) -> dict[str, str]:
    began = datetime.fromtimestamp(begin_ns / 1e9, UTC)
    paths = list(dict.fromkeys(part.imported.path for part in parts))
    return {
        "name": writer.path.stem,
        "slate": slate,
        "number": str(number),
        "stage": config.stage.name,
        "began": began.isoformat(timespec="milliseconds"),
        "began_ns": str(begin_ns),
        "timecode": _label(begin_ns, rate),
        "timecode_rate": rate.text,
        "timecode_source": "day",
        "source": "import",
        "imported": "\n".join(path.name for path in paths),
        "imported_sha256": "\n".join(hashlib.sha256(read_bytes(path)).hexdigest() for path in paths),
    }


def _attach_shape(writer: TakeWriter, part: Part, at_ns: int) -> None:
    """The body that the motion was put on goes in as a profile, so that exports show that body."""
    if part.imported.shape is None:
        return
    with TemporaryDirectory() as folder:
        data = save_shape(Path(folder), load_body(), part.imported.shape).read_bytes()
    writer.attach(f"actors/{part.actor}/{FILE_NAME}", data, "application/toml", at_ns)


def _label(time_ns: int, rate: FrameRate) -> str:
    return Timecode.at(time_ns % (24 * 3600 * 1_000_000_000), rate).text


def actor_name(path: Path) -> str:
    """An actor's id from the name of a file."""
    return safe_name(path.stem, "actor")[:32].strip("_-") or "actor"


def without_cameras(config: Config) -> Config:
    """A stage's config without what films and listens: what a take that nobody filmed can say of it."""
    return replace(config, cameras=(), inputs=(), stage=replace(config.stage, calibration=""))
