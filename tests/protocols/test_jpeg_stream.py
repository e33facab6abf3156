from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import zmq

from protocols.clock import StageClock
from protocols.codec import encode
from protocols.curve import CLIENTS_FOLDER, create_keys
from protocols.errors import BusError, EncodeError
from protocols.jpeg_stream import JpegFrame, JpegPublisher, JpegSubscriber
from protocols.messages import FrameNote, Solved
from tests.waiting import until

HOST = "127.0.0.1"
CLOCK = StageClock(0)
HEIGHT, WIDTH = 48, 64
PATIENCE_S = 10.0


def note_of(frame: int, camera: str = "left") -> FrameNote:
    return FrameNote(camera, frame, frame, frame, "stage.x", 2, 99, WIDTH, HEIGHT)


def picture() -> np.ndarray:
    """A smooth gradient, which JPEG keeps well."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([4 * x, 5 * y, 2 * (x + y)], axis=-1).clip(0, 255).astype(np.uint8)


def exchange(publisher: JpegPublisher, subscriber: JpegSubscriber, camera: str = "left") -> JpegFrame:
    """Sends until a frame comes through."""
    frames: list[JpegFrame] = []

    def came_through() -> bool:
        publisher.send(note_of(7, camera), picture())
        frames.extend(subscriber.receive(10))
        return len(frames) > 0

    until(came_through)
    return frames[0]


def keys_of(folder: Path, client: str = "console") -> tuple[Path, Path, Path]:
    """(server secret, client secret, server public), the client let in."""
    server_public, server_secret = create_keys(folder / "server", "stage")
    client_public, client_secret = create_keys(folder / "client", client)
    (folder / "server" / CLIENTS_FOLDER).mkdir()
    shutil.copy(client_public, folder / "server" / CLIENTS_FOLDER)
    return server_secret, client_secret, server_public


def test_a_frame_arrives_with_its_note() -> None:
    with JpegPublisher(HOST, 0, CLOCK) as publisher, JpegSubscriber([(HOST, publisher.port)], ["left"]) as subscriber:
        frame = exchange(publisher, subscriber)
        assert (frame.note.camera, frame.note.frame, frame.note.capture_ns) == ("left", 7, 7)
        assert (frame.note.ring, frame.note.slot, frame.note.generation) == ("", 0, 0)
        assert 0 < frame.sent_ns <= CLOCK.now_ns()
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(frame.image.astype(int) - picture()).mean() < 4


def test_nothing_is_encoded_until_somebody_subscribes_and_after_they_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    imencode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *args: (encoded.append(1), imencode(*args))[1])
    with JpegPublisher(HOST, 0, CLOCK) as publisher:
        assert not publisher.send(note_of(0), picture())
        with JpegSubscriber([(HOST, publisher.port)], ["right"]) as subscriber:
            until(lambda: publisher.is_wanted("right"))
            assert not publisher.send(note_of(0, "left"), picture())
            assert encoded == []
            exchange(publisher, subscriber, "right")
            assert len(encoded) > 0
        until(lambda: not publisher.is_wanted("right"))
        encoded.clear()
        assert not publisher.send(note_of(0, "right"), picture())
        assert encoded == []


def test_every_frame_sent_is_received_or_counted() -> None:
    with JpegPublisher(HOST, 0, CLOCK) as publisher, JpegSubscriber([(HOST, publisher.port)], ["left"]) as subscriber:
        exchange(publisher, subscriber)
        until(lambda: not subscriber.receive(20))
        before = subscriber.counters
        sent = 0
        for _ in range(40):  # faster than anybody reads
            sent += publisher.send(note_of(sent), picture())
        assert sent == 40
        until(lambda: not subscriber.receive(20))
        last: list[JpegFrame] = []

        def last_came() -> bool:
            nonlocal sent
            sent += publisher.send(note_of(sent), picture())
            last[:] = subscriber.receive(20)
            return bool(last) and last[0].note.frame == sent - 1

        until(last_came)
        after = subscriber.counters
        assert sum(after[kind] - before[kind] for kind in ("received", "gaps", "drops")) == sent
        assert after["decode_errors"] == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "192.0.2.1"])
def test_frames_are_not_shown_to_everybody(host: str) -> None:
    with pytest.raises(BusError, match="curve_secret_key_file"):
        JpegPublisher(host, 0, CLOCK)


def test_a_port_in_use_is_named() -> None:
    with JpegPublisher(HOST, 0, CLOCK) as publisher, pytest.raises(BusError, match=rf"{publisher.port}.*in use"):
        JpegPublisher(HOST, publisher.port, CLOCK)


def test_keys_let_the_listed_client_in(tmp_path: Path) -> None:
    server_secret, client_secret, server_public = keys_of(tmp_path)
    with JpegPublisher("0.0.0.0", 0, CLOCK, secret_key_file=server_secret) as publisher:
        address = [(HOST, publisher.port)]
        with JpegSubscriber(address, ["left"], client_secret, server_public) as subscriber:
            assert exchange(publisher, subscriber).note.frame == 7


def test_strangers_stay_outside(tmp_path: Path) -> None:
    server_secret, client_secret, server_public = keys_of(tmp_path)
    _, stranger_secret = create_keys(tmp_path / "stranger", "stranger")
    other_public, _ = create_keys(tmp_path / "other", "other")
    with JpegPublisher(HOST, 0, CLOCK, secret_key_file=server_secret) as publisher:
        address = [(HOST, publisher.port)]
        with (
            JpegSubscriber(address, ["left"]) as keyless,
            JpegSubscriber(address, ["left"], stranger_secret, server_public) as stranger,
            JpegSubscriber(address, ["left"], client_secret, other_public) as misled,
            JpegSubscriber(address, ["right"], client_secret, server_public) as friend,
        ):
            exchange(publisher, friend, "right")  # by now the others have been turned away or are being so
            for _ in range(20):
                assert not publisher.send(note_of(0, "left"), picture())
                assert keyless.receive(5) == stranger.receive(5) == misled.receive(5) == []


def test_keys_without_a_list_of_clients_are_refused(tmp_path: Path) -> None:
    _, secret_file = create_keys(tmp_path, "stage")
    with pytest.raises(BusError, match=CLIENTS_FOLDER):
        JpegPublisher(HOST, 0, CLOCK, secret_key_file=secret_file)


def test_a_broken_list_of_clients_is_refused(tmp_path: Path) -> None:
    server_secret, _, _ = keys_of(tmp_path)
    (server_secret.parent / CLIENTS_FOLDER / "broken.key").write_text("nothing")
    with pytest.raises(BusError, match=r"broken\.key"):
        JpegPublisher(HOST, 0, CLOCK, secret_key_file=server_secret)


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="both"):
        JpegSubscriber([(HOST, 1)], ["left"], secret_key_file=tmp_path / "x")


def test_a_malformed_address_is_refused() -> None:
    with pytest.raises(BusError):
        JpegSubscriber([("no such host!", 99999999)], ["left"])


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((0, 0, 3), np.uint8), id="empty"),
        pytest.param(np.zeros((4, 4, 7), np.uint8), id="seven channels"),
        pytest.param(np.zeros((4, 70_000, 3), np.uint8), id="too wide"),
    ],
)
def test_an_image_that_makes_no_jpeg_is_a_typed_error(image: np.ndarray) -> None:
    with JpegPublisher(HOST, 0, CLOCK) as publisher, JpegSubscriber([(HOST, publisher.port)], ["left"]):
        until(lambda: publisher.is_wanted("left"))
        with pytest.raises(EncodeError, match="left"):
            publisher.send(note_of(0), image)


def test_corrupt_frames_are_counted_and_the_next_one_is_shown() -> None:
    jpeg = cv2.imencode(".jpg", picture())[1].tobytes()
    small = cv2.imencode(".jpg", picture()[:8])[1].tobytes()
    good = encode(note_of(1), 0, 0)
    corrupt = [
        (b"jpeg.left", good),
        (b"jpeg.left", b"rubbish", jpeg),
        (b"jpeg.left", encode(Solved(0, 0), 0, 0), jpeg),
        (b"jpeg.left", encode(note_of(1, "right"), 0, 0), jpeg),
        (b"jpeg.left\xff", good, jpeg),
        (b"jpeg.left", good, b""),
        (b"jpeg.left", good, b"no jpeg"),
        (b"jpeg.left", good, small),
    ]
    context = zmq.Context()
    try:
        peer = context.socket(zmq.XPUB)
        port = peer.bind_to_random_port(f"tcp://{HOST}")
        with JpegSubscriber([(HOST, port)], ["left"]) as subscriber:
            assert peer.poll(int(PATIENCE_S * 1000))
            for number, parts in enumerate(corrupt):
                peer.send_multipart(parts)
                until(lambda: subscriber.receive(10) or subscriber.counters["decode_errors"] == number + 1)  # noqa: B023
            peer.send_multipart((b"jpeg.left", good, jpeg))
            (frame,) = subscriber.receive(int(PATIENCE_S * 1000))
            assert frame.note.frame == 1
            assert subscriber.counters["decode_errors"] == len(corrupt)
    finally:
        context.destroy(linger=0)
