"""[[outputs]]: what a stage sends, one table per receiver; `kind` says which of these records it is."""

from __future__ import annotations

from typing import Literal

from stage.config._section import NotNegative, Port, Section

BlendSet = Literal["arkit", "vrm0", "vrm1"]
"""A set of names of face expressions: the 52 of ARKit, the presets of VRM 0 or those of VRM 1."""

Receiver = Literal["", "evmc4u", "vrm4u", "vmc4ue", "warudo", "vseeface", "blender", "godot"]
"""VMC receivers whose usual port and wishes are known; see `stage.config._receivers`."""

Positions = Literal["all", "hips", "none"]
BlendCase = Literal["pascal", "camel"]


class OutputSection(Section, frozen=True, tag_field="kind"):
    """What all kinds share. A switched-off output keeps its socket and can be switched on live."""

    id: str = ""
    """Default: the kind and its number."""
    enabled: bool = True
    """False waits to be switched on (console, OSC control, MQTT)."""
    host: str = "127.0.0.1"
    port: Port = 0
    """0 is the usual one of the kind and receiver."""
    actor: str = ""
    """Whose performances; default: all. VMC: the first actor, for a VMC port is one avatar."""
    rate: NotNegative = 0.0
    """Upper bound in Hz, for bodies and for faces of their own camera, each; 0 sends all."""


class VmcSection(OutputSection, frozen=True, tag="vmc"):
    """VMC protocol: a Unity humanoid. None means: as the receiver wants it, see `wishes_of`."""

    receiver: Receiver = ""
    """A known receiver; its usual port and options become the defaults below."""
    avatar: str = ""
    """The avatar's .vrm: its bones, local offsets and rest pose are used. "": a humanoid of the actor's own build."""
    travel: Literal["avatar", "performer"] = "avatar"
    """How far the avatar walks: as far as its legs carry it (feet do not slide), or as the performer did, in metres.
    Its height above the floor follows its legs either way."""
    positions: Positions | None = None
    """Which local positions are the avatar's own: of all bones, of the hips only (the others are sent as 0), none."""
    blends: tuple[BlendSet, ...] | None = None
    """Which expressions are sent; default ["arkit", "vrm0"]. An avatar made for the 52 of ARKit wants "arkit" alone,
    others need no more than "vrm0" or "vrm1"."""
    blend_case: BlendCase | None = None
    """ARKit's names as `EyeBlinkLeft` (Perfect Sync, the default) or `eyeBlinkLeft`."""
    eyes: bool = True
    """Send the bones of the eyes."""
    jaw: Literal["rest", "open", "none"] = "rest"
    """The bone Jaw: at rest, opened by JawOpen (for avatars without such an expression), or not sent."""
    bundle: bool | None = None
    """False sends every OSC message as a datagram of its own."""
    trace: bool = False
    """Every frame also carries its capture time, for `stage probe` to show the latency."""


class LiveLinkSection(OutputSection, frozen=True, tag="livelink"):
    """Live Link Face: faces for Unreal's ARKit source, one subject per actor."""

    subject: str = ""
    """Name of the Live Link subject, for an output of one actor; default: the actor's id."""
    device_id: str = ""
    """36 characters, for an output of one actor; default: made of `device_seed` and actor, so it stays the same."""
    device_seed: str = ""
    """Default: the stage's name; another one keeps apart two stages of one name that send to one Unreal."""


class OscSection(OutputSection, frozen=True, tag="osc"):
    """Plain OSC: floats at documented addresses."""

    axes: Literal["stage", "unreal", "unity"] = "stage"
    """Right-handed Z up metres; Unreal's left-handed Z up centimetres; Unity's left-handed Y up metres."""
    names: Literal["rig", "manny"] = "rig"
    """Bones of the rig, or those of Unreal 5's Manny and Quinn."""
    rest: Literal["actor", "t-pose"] = "actor"
    """The pose from which rotations are counted: the actor's own rest pose (an A-pose), or the T-pose of VRM."""
    transport: Literal["udp", "tcp"] = "udp"
    framing: Literal["slip", "length"] = "slip"
    """TCP: SLIP (OSC 1.1) or a length before each packet (OSC 1.0)."""
    bundle: bool = True


class MqttSection(OutputSection, frozen=True, tag="mqtt"):
    """MQTT: state, health, commands, and poses on request."""

    version: Literal["3.1.1", "5"] = "3.1.1"
    username: str = ""
    password: str = ""
    password_file: str = ""
    """A file whose first line is the password, to keep it out of the stage.toml."""
    tls: bool = False
    ca_file: str = ""
    """TLS: whom to trust; default: the system's authorities."""
    cert_file: str = ""
    key_file: str = ""
    """TLS: the certificate by which the broker knows the stage, and its key."""
    prefix: str = ""
    """First topic level, default "stage/<stage name>"."""
    poses: bool = False
    """Publish poses and faces at full rate."""
    commands: bool = False
    """Obey commands that come through this broker: whoever may publish there controls the show."""


AnyOutputSection = VmcSection | LiveLinkSection | OscSection | MqttSection
