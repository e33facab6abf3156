from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import osc, phone_app
from protocols.errors import EncodeError
from protocols.phone_app import ANSWERS, REQUESTS, Address, PhoneAppError

SAMPLES = {"s": "take one", "i": 7, "f": 0.5}


@pytest.mark.parametrize("address", [*REQUESTS, *ANSWERS])
def test_every_word_goes_there_and_back(address: str) -> None:
    tags = {**REQUESTS, **ANSWERS}[address]
    values = tuple(SAMPLES[tag] for tag in tags)
    said = osc.parse(phone_app.message(address, *values))
    assert isinstance(said, osc.Message) and said == osc.Message(address, tags, values)
    phone_app.check(said)


@pytest.mark.parametrize(
    ("address", "data"),
    [
        ("/RecordStop", "2f5265636f726453746f7000" "2c000000"),
        ("/Take", "2f54616b65000000" "2c690000" "00000007"),
        ("/Slate", "2f536c6174650000" "2c730000" "61000000"),
    ],
)  # fmt: skip
def test_bytes_are_those_of_any_osc_sender(address: str, data: str) -> None:
    values = {"": (), "i": (7,), "s": ("a",)}[REQUESTS[address]]
    assert phone_app.message(address, *values).hex() == data


@pytest.mark.parametrize(
    "said",
    [
        osc.message("/RecordStart", "s", "a"),
        osc.message("/RecordStart", "sf", "a", 1.0),
        osc.message("/RecordStart", "sii", "a", 1, 1),
        osc.message("/RecordStop", "i", 1),
        osc.message("/Slate", "b", b"a"),
        osc.message("/OSCSetSendTarget", "is", 1, "a"),
    ],
)
def test_other_arguments_are_refused(said: bytes) -> None:
    message = osc.parse(said)
    assert isinstance(message, osc.Message)
    with pytest.raises(PhoneAppError, match=message.address):
        phone_app.check(message)


def test_other_words_cannot_be_made() -> None:
    with pytest.raises(EncodeError, match="/Reboot"):
        phone_app.message("/Reboot")
    with pytest.raises(EncodeError):
        phone_app.message("/Take", "one")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.168.1.20:9000", Address("192.168.1.20", 9000)),
        ("[fd00::20]:1", Address("fd00::20", 1)),
        ("127.0.0.1:65535", Address("127.0.0.1", 65535)),
    ],
)
def test_an_address_with_a_port(text: str, address: Address) -> None:
    assert phone_app.split_address(text) == address


@pytest.mark.parametrize(
    "text", ["", ":", "host:80", "1.2.3.4", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:²"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(PhoneAppError):
        phone_app.split_address(text)


@given(text=st.text(max_size=60))
def test_no_text_escapes_as_another_exception(text: str) -> None:
    try:
        phone_app.split_address(text)
    except PhoneAppError:
        pass


def test_the_size_of_a_file() -> None:
    assert phone_app.file_size(0x01020304) == b"\1\2\3\4"
    for size in (-1, 2**31):
        with pytest.raises(EncodeError, match=str(size)):
            phone_app.file_size(size)
