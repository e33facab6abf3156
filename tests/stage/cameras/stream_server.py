"""A camera on the network for tests: `python -m tests.stage.cameras.stream_server URL FORMAT` sends at 30 Hz."""

from __future__ import annotations

import sys
import time

import av

from tests.stage.cameras.videos import add_stream, packets

RATE = 30
COUNT = 3000
OPTIONS = {"mpegts": {"flush_packets": "1"}, "rtsp": {"rtsp_transport": "tcp"}}


def main(url: str, form: str) -> None:
    print("ready", flush=True)
    while True:
        try:
            send(url, form)
        except ConnectionRefusedError:  # the receiver of a pushed stream is not there yet
            time.sleep(0.02)


def send(url: str, form: str) -> None:
    # With "listen" this waits for somebody to connect.
    with av.open(url, "w", format=form, options=OPTIONS[form]) as container:
        stream = add_stream(container, RATE, gop=10)
        container.start_encoding()
        begin_s = time.monotonic()
        for number, packet in enumerate(packets(stream, COUNT, RATE)):
            time.sleep(max(0.0, begin_s + number / RATE - time.monotonic()))
            container.mux(packet)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
