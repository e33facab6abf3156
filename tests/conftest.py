"""What every test gets: few threads, property tests without a stopwatch, and who asks for it a broker."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.mqtt_broker import BrokerForTests, Listener

# Before any numerical library is imported: tests run beside each other on few cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# How long one example takes says more about the machine's other work than about the code.
settings.register_profile("stage", deadline=None)
settings.load_profile("stage")


@pytest.fixture
def broker() -> Iterator[BrokerForTests]:
    from tests.mqtt_broker import BrokerForTests

    started = BrokerForTests()
    yield started
    started.stop()


@pytest.fixture
def listener(broker: BrokerForTests) -> Iterator[Listener]:
    """Hears all that the broker does."""
    from tests.mqtt_broker import Listener

    started = Listener(broker.port)
    yield started
    started.stop()


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard() -> None:
    """Whoever runs the tests in the background of a shell has them ignore it, and the supervisor respects that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
