"""`stage ltc`."""

from __future__ import annotations


def ltc(*, rate: str, host: str = "127.0.0.1", port: int = 8200, samples: int = 48000) -> int:
    """Read linear timecode from audio on standard input (raw, 16 bit, one channel) and tell it to a stage.

    Args:
        rate: Frames per second of the signal, such as 25 or 29.97df.
        host: Where the stage runs.
        port: Where it hears timecode, `port` of [timecode] in its stage.toml.
        samples: Samples per second.
    """
    from stage.ltc import run_ltc

    return run_ltc(host, port, rate, samples)
