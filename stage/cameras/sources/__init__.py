"""Sources of images; `open_source` picks the one that a camera's `source` names."""

from stage.cameras.sources._choose import LIVE_KINDS as LIVE_KINDS
from stage.cameras.sources._choose import open_source as open_source
from stage.cameras.sources._choose import source_kind as source_kind
from stage.cameras.sources.source import Faulty as Faulty
from stage.cameras.sources.source import Frame as Frame
from stage.cameras.sources.source import Seekable as Seekable
from stage.cameras.sources.source import Source as Source
from stage.cameras.sources.source import SourceInfo as SourceInfo
from stage.cameras.sources.source import TruncatedError as TruncatedError
