"""Errors that carry their facts and say what to do.

Every error a user can cause derives from `StageError`. The command line prints it as one line,
`stage: error: ...`, and exits with status 2; the traceback is shown only with `--debug`.
"""

from __future__ import annotations


class StageError(Exception):
    """Base of all errors that a user can cause and mend."""


class ConfigError(StageError):
    """A stage.toml that cannot be used."""


class SourceError(StageError):
    """A camera, file or stream that cannot be opened or read."""


class CalibrationError(StageError):
    """A calibration that is missing, malformed or does not fit its camera."""


class NetworkError(StageError):
    """A network file that is missing, corrupt or not of the expected form."""


class BodyModelError(StageError):
    """A body model or an actor profile that cannot be used."""


class AvatarError(StageError):
    """A file of an avatar that cannot be used."""


class ResultFileError(StageError):
    """A solve result file that is missing or malformed."""


class SupervisionError(StageError):
    """A stage whose processes cannot be started or kept alive."""


class ConsoleError(StageError):
    """A page that cannot be served where it should be."""


class EnrollError(StageError):
    """A clip or photos from which an actor cannot be measured."""


class OutputError(StageError):
    """An output that cannot be changed as somebody asks."""


class RecordError(StageError):
    """A take that cannot be recorded: no space, no folder, a number that is none."""


class ReplayError(StageError):
    """A take that cannot be played or solved again as asked."""


class ExportError(StageError):
    """A take that cannot be handed over in this format, or a file that cannot be written."""


class ForeignFileError(StageError):
    """A file of others that cannot be read into a take."""
