"""What cameras see in the pictures of one tick."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.messages import CameraLandmarks, Prediction
from stage.networks.reader import LandmarkReader
from stage.offline._pictures import Pictures


def read_views(
    reader: LandmarkReader, tick: Pictures, now_ns: int, predictions: Sequence[Prediction]
) -> dict[str, CameraLandmarks]:
    """Reads pictures, and says of each camera that was read what it sees, by its id.

    Args:
        reader: The networks.
        tick: The pictures; which cameras are read the reader decides.
        now_ns: The time that they are of.
        predictions: Where the performers should be then.
    """
    seen = reader.step({camera: (frame.image, now_ns) for camera, frame in tick.frames.items()}, predictions)
    return {
        camera: CameraLandmarks(
            camera=camera,
            frame=frame.number,
            capture_ns=now_ns,
            captured_ns=now_ns,
            begin_ns=now_ns,
            end_ns=now_ns,
            width=frame.image.shape[1],
            height=frame.image.shape[0],
            persons=seen[camera].persons,
            hands=seen[camera].hands,
            faces=seen[camera].faces,
        )
        for camera, frame in tick.frames.items()
        if camera in seen
    }
