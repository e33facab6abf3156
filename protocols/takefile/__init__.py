"""Take files: one MCAP file per take, readable by every MCAP reader.

    magic, header (profile "stage")
    metadata "take", "clock", "software"    facts as text, each with a checksum of its own
    attachments                             config, calibrations, actor profiles
    chunk, chunk, ...                       messages; each chunk with a checksum, those of records compressed
    attachments, metadata "end"             what became of the profiles, how the take ended
    checksum of all of the above, summary with the index, footer, magic

A channel is one record class on one topic of the bus: "performance.anna" with the schema "stage.Performance.v3".
A message is the bus message as it came (`protocols.codec`), its bytes untouched:

    log_time       when what it tells was captured, stage time: `capture_ns`, else `at_ns`, else `sent_ns`
    publish_time   when the recorder received it, stage time
    sequence       its number in its topic, low 32 bits

What other tools should read stands in their own forms, not as messages of the bus: coordinate frames in "tf", pictures
in topics that begin with "video.". `TakeRecord.kind` is then the name of that schema; see `protocols.foxglove`.

Pictures have chunks of their own, so that who wants the performances never reads them. The chunk of records and those
of video are filled at the same time and closed together, records first; `TakeReader` merges them by `publish_time`: it
yields messages in the order in which they were received, which is the order in which a replay must bring them.

Chunks are closed after `CHUNK_BYTES` of records or `VIDEO_CHUNK_BYTES` of video, or by `TakeWriter.sync`, which the
recorder calls every half second. What has been synced survives a killed process, a crash and a power cut. A file
without its end is an unfinished take: `TakeReader` reads it up to its last whole chunk.
"""

from __future__ import annotations

from protocols.takefile._book import Described as Described
from protocols.takefile._chunk import RawMessage as RawMessage
from protocols.takefile._copy import check_same as check_same
from protocols.takefile._copy import copy_attachments as copy_attachments
from protocols.takefile._copy import copy_messages as copy_messages
from protocols.takefile._disk import sync_folder as sync_folder
from protocols.takefile._format import CHUNK_BYTES as CHUNK_BYTES
from protocols.takefile._format import FOREVER_NS as FOREVER_NS
from protocols.takefile._format import MAX_MESSAGE_BYTES as MAX_MESSAGE_BYTES
from protocols.takefile._format import VIDEO as VIDEO
from protocols.takefile._format import TakeRecord as TakeRecord
from protocols.takefile._format import captured_ns as captured_ns
from protocols.takefile._format import is_finished as is_finished
from protocols.takefile._reader import TakeReader as TakeReader
from protocols.takefile._verify import Verified as Verified
from protocols.takefile._verify import verify as verify
from protocols.takefile._writer import TakeWriter as TakeWriter
