"""Small models of what real receivers do with a datagram, strict where they are strict and naive where they are naive.

Engines cannot run in a test. These models follow the rules that were read in the receivers' sources, among them the
ones that hurt: a cursor that trusts the sender, a latch that stops everything for good.
"""

from tests.receivers.evmc4u import Evmc4u as Evmc4u
from tests.receivers.message import Received as Received
from tests.receivers.pylivelinkface import PyLiveLinkFace as PyLiveLinkFace
from tests.receivers.unreal_livelink import UnrealLiveLink as UnrealLiveLink
from tests.receivers.unreal_osc import UnrealOsc as UnrealOsc
from tests.receivers.unreal_osc import unreal_accepts as unreal_accepts
from tests.receivers.uosc import UOscReader as UOscReader
from tests.receivers.vmc4ue import Vmc4ue as Vmc4ue
from tests.receivers.vrm4u import Vrm4u as Vrm4u
