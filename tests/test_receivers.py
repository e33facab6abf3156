"""The models of receivers refuse, forget and break as the real ones do: one that takes everything proves nothing."""

from __future__ import annotations

import struct

import pytest

from protocols import osc, vmc
from tests.receivers import Evmc4u, Received, UnrealLiveLink, UnrealOsc, UOscReader, Vmc4ue, Vrm4u, unreal_accepts

POSE = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def bone(name: object = "Hips", values: list[float] = POSE) -> Received:
    return Received(vmc.BONE, [name, *values])


# -- EVMC4U -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        Received("/VMC/Ext/OK", []),
        Received(vmc.BONE, ["Hips", 0.0]),
        Received(vmc.ROOT, ["root"]),
        Received(vmc.BLEND, ["Joy"]),
    ],
)
def test_evmc4u_stops_for_good_at_a_missing_argument(message: Received) -> None:
    receiver = Evmc4u()
    receiver.take(message)
    assert receiver.shutdown
    receiver.take(bone())
    assert receiver.bones == {}


def test_evmc4u_ignores_a_wrong_type() -> None:
    receiver = Evmc4u()
    receiver.take(bone(values=[0, *POSE[1:]]))
    assert (receiver.bones, receiver.ignored, receiver.shutdown) == ({}, 1, False)


def test_evmc4u_drops_a_frame_after_too_many_t() -> None:
    receiver = Evmc4u()
    for number in range(31):
        receiver.take(Received(vmc.TIME, [float(number)]))
    receiver.render_frame()
    receiver.take(bone())
    assert (receiver.bones, receiver.dropped) == ({}, 1)
    receiver.render_frame()
    receiver.take(bone())
    assert list(receiver.bones) == ["Hips"]


# -- uOSC -------------------------------------------------------------------------------------------------------------


def raw(address: str, tags: str, payload: bytes) -> bytes:
    texts = (text.encode().ljust(osc.padded(len(text)), b"\0") for text in (address, f",{tags}"))
    return b"".join(texts) + payload


def test_uosc_reads_what_follows_an_unknown_tag_as_garbage() -> None:
    reader = UOscReader()
    found = reader.read(raw("/a/b", "df", struct.pack(">df", 1.0, 2.0)))
    assert found[0].values != [1.0, 2.0]
    assert reader.errors


def test_uosc_reads_a_short_message_into_its_neighbour() -> None:
    short = raw("/a/b", "ff", struct.pack(">f", 1.0))
    reader = UOscReader()
    found = reader.read(osc.bundle([short, osc.message("/c/d", "f", 3.0)]))
    assert found[0].values[1] != 0.0 and reader.errors


def test_uosc_loses_the_rest_without_type_tags() -> None:
    reader = UOscReader()
    assert reader.read(osc.bundle([b"/a/b\0\0\0\0\0\0\0\0", osc.message("/c/d", "f", 3.0)])) == []
    assert "lost" in reader.errors[0]


# -- VRM4U and VMC4UE -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [vmc.ROOT, vmc.BONE, vmc.BLEND])
def test_vrm4u_crashes_without_a_string(address: str) -> None:
    receiver = Vrm4u()
    receiver.take(Received(address, list(POSE)))
    assert receiver.crashed


def test_vrm4u_shows_nothing_before_ok_and_a_mixed_frame_at_an_early_apply() -> None:
    receiver = Vrm4u()
    receiver.take(bone())
    assert receiver.shown == []
    receiver.take(Received(vmc.APPLY, []))
    receiver.take(bone("Head"))
    receiver.take(Received(vmc.TIME, [0.0]))
    assert [set(shown) for shown in receiver.shown] == [{"Hips"}, {"Head"}]


def test_vrm4u_counts_no_ints() -> None:
    receiver = Vrm4u()
    receiver.take(bone(values=[0, *POSE[1:]]))
    assert receiver.pending == {}


def test_vmc4ue_over_reads_a_short_root_and_skips_a_short_bone() -> None:
    receiver = Vmc4ue()
    receiver.take(Received(vmc.BONE, ["Hips", *POSE[:6]]))
    assert receiver.bones == {}
    receiver.take(Received(vmc.ROOT, ["root", *POSE[:6]]))
    assert receiver.over_read


def test_vmc4ue_forgets_the_curves_that_did_not_come() -> None:
    receiver = Vmc4ue()
    for names in (("Joy", "A"), ("A",)):
        for name in names:
            receiver.take(Received(vmc.BLEND, [name, 1.0]))
        receiver.take(Received(vmc.APPLY, []))
    assert receiver.curves == {"A": 1.0}


# -- Unreal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/head", "/a b/c", "/a/b#", "/a/*", "/a/{b}", "/ä/b", "a/b", "/a//b"])
def test_unreal_cannot_bind_these(address: str) -> None:
    assert not unreal_accepts(address)


def test_unreal_gives_floats_only_by_index_and_reads_text_as_ansi() -> None:
    receiver = UnrealOsc("/a/*", "/single")
    assert list(receiver.bound) == ["/a/*"]
    found = receiver.read(osc.bundle([osc.message("/a/b", "ifs", 1, 2.0, "Ä"), osc.message("/a/b/c", "f", 1.0)]))
    assert [message.address for message in receiver.bound["/a/*"]] == ["/a/b"]
    assert receiver.float_at(found[0], 1) == 2.0
    assert receiver.errors == []
    assert receiver.float_at(found[0], 0) == 0.0 and receiver.float_at(found[0], 7) == 0.0
    assert len(receiver.errors) == 2
    assert found[0].values[2] != "Ä"


def test_unreal_stops_a_bundle_at_a_wrong_element() -> None:
    receiver = UnrealOsc()
    good = osc.bundle([osc.message("/a/b", "f", 1.0)])
    assert len(receiver.read(good + struct.pack(">i", 400) + osc.message("/c/d", "f", 1.0))) == 1
    assert receiver.errors


# -- Live Link --------------------------------------------------------------------------------------------------------

DEVICE = "00000000-0000-0000-0000-000000000000"


def packet(
    *,
    version: int = 6,
    device: str = DEVICE,
    name: str = "iPhone",
    count: int = 61,
    rate: tuple[int, int] = (60, 1),
) -> bytes:
    texts = b"".join(struct.pack(">i", len(text)) + text.encode() for text in (device, name))
    timecode = struct.pack(">ifii", 3600, 0.25, *rate)
    return bytes([version]) + texts + timecode + bytes([count]) + bytes(4 * count)


def test_live_link_takes_a_packet() -> None:
    receiver = UnrealLiveLink()
    assert len(packet()) == 312
    receiver.tick([packet()])
    assert receiver.subjects[DEVICE].name == "iPhone" and receiver.subjects[DEVICE].frame == 3600


def test_live_link_drops_what_has_an_odd_size_without_a_word() -> None:
    receiver = UnrealLiveLink()
    waiting = receiver.tick([packet(count=0)[:67], packet(name="n" * 500), packet()])
    assert (receiver.dropped, receiver.frames, waiting) == (2, 1, 0)


@pytest.mark.parametrize(
    "bad",
    [
        packet(version=5),
        packet(count=60),
        packet(count=62),
        packet(rate=(0, 1)),
        packet(rate=(60, 0)),
        packet()[:-4],
    ],
)
def test_live_link_lets_the_rest_wait_behind_a_wrong_packet(bad: bytes) -> None:
    receiver = UnrealLiveLink()
    assert receiver.tick([bad, packet()]) == 1
    assert (receiver.invalid, receiver.frames) == (1, 0)
    assert receiver.tick() == 0
    assert receiver.frames == 1


def test_live_link_replaces_the_subject_of_a_device_that_is_renamed() -> None:
    receiver = UnrealLiveLink()
    receiver.tick([packet(), packet(name="Anna")])
    assert receiver.removed == ["iPhone"]
