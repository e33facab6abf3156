from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.phone_app import Address
from stage.control.delivery import Deliveries
from tests.stage.console.browser import until


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(10.0)
        yield opened


@pytest.fixture
def deliveries() -> Iterator[Deliveries]:
    opened = Deliveries()
    yield opened
    opened.close()


def read_all(connection: socket.socket) -> bytes:
    with connection:
        data = b""
        while chunk := connection.recv(1 << 16):
            data += chunk
    return data


def address(listener: socket.socket) -> Address:
    return Address(*listener.getsockname())


@pytest.mark.parametrize("size", [0, 5, 1_000_000])
def test_size_and_file_arrive(tmp_path: Path, listener: socket.socket, deliveries: Deliveries, size: int) -> None:
    path = tmp_path / "face.csv"
    path.write_bytes(bytes(range(256)) * (size // 256 + 1))
    with open(path, "r+b") as file:
        file.truncate(size)
    assert deliveries.start(path, address(listener))
    data = read_all(listener.accept()[0])
    assert data == size.to_bytes(4, "big") + path.read_bytes()
    until(lambda: deliveries.news)
    assert deliveries.news[0].kind == "info" and "face.csv" in deliveries.news[0].text


def test_one_at_a_time(tmp_path: Path, listener: socket.socket, deliveries: Deliveries) -> None:
    path = tmp_path / "take.mcap"
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    assert deliveries.start(path, address(listener))
    connection = listener.accept()[0]
    assert deliveries.busy and not deliveries.start(path, address(listener))
    connection.close()
    until(lambda: not deliveries.busy)
    assert deliveries.news[0].kind == "warning"


def test_closing_does_not_wait_for_a_receiver_that_reads_slowly(
    tmp_path: Path, listener: socket.socket, deliveries: Deliveries
) -> None:
    path = tmp_path / "take.mcap"
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    deliveries.start(path, address(listener))
    with listener.accept()[0] as connection:
        connection.recv(4, socket.MSG_WAITALL)
        closer = threading.Thread(target=deliveries.close)
        closer.start()
        read_all(connection)
        closer.join(5.0)
    assert not deliveries.busy and "broken off" in deliveries.news[0].text


def test_nobody_there_is_told(tmp_path: Path, deliveries: Deliveries) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = Address(*taken.getsockname())
    path = tmp_path / "face.csv"
    path.write_bytes(b"a")
    deliveries.start(path, gone)
    until(lambda: deliveries.news)
    assert "could not be sent" in deliveries.news[0].text


def test_a_link_or_a_folder_is_not_sent(tmp_path: Path, listener: socket.socket, deliveries: Deliveries) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    for path in (tmp_path / "link", tmp_path):
        until(lambda: not deliveries.busy)
        deliveries.news.clear()
        assert deliveries.start(path, address(listener))
        until(lambda: deliveries.news)
        assert deliveries.news[0].kind == "warning"
    listener.settimeout(0.0)
    with pytest.raises(BlockingIOError):
        listener.accept()
