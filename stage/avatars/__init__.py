"""Avatars: the humanoids that engines move, read from a .vrm or built like the actor."""

from ._avatar import Avatar as Avatar
from ._built_in import EYES_FROM_HEAD as EYES_FROM_HEAD
from ._built_in import HEAD_FROM_NECK as HEAD_FROM_NECK
from ._built_in import built_in as built_in
from ._vrm import read_avatar as read_avatar
