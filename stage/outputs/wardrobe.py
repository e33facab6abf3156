"""What several VMC outputs share: avatars are read once, and who wears the same twice is retargeted once.

Reading an avatar takes a moment, and a live change must not hold up the show. Outputs that differ only in expressions,
bundles or rates put the same actor into the same humanoid: it keeps the pose of the performance it saw last.
"""

from __future__ import annotations

from pathlib import Path

from stage.avatars import Avatar, read_avatar
from stage.config import VmcSection, wishes_of
from stage.outputs.humanoid import Humanoid


class Wardrobe:
    """The avatars of a stage, and the humanoids that its actors are in."""

    def __init__(self) -> None:
        self._avatars: dict[str, Avatar] = {}
        self._humanoids: dict[tuple[object, ...], Humanoid] = {}

    def avatar(self, output: VmcSection) -> Avatar | None:
        """The avatar of an output; None is the built-in humanoid.

        Raises:
            AvatarError: The file cannot be used.
        """
        if output.avatar and output.avatar not in self._avatars:
            self._avatars[output.avatar] = read_avatar(Path(output.avatar))
        return self._avatars.get(output.avatar)

    def humanoid(self, output: VmcSection) -> Humanoid:
        """The output's actor in the output's avatar; there are as many as actors and ways to dress them.

        Raises:
            AvatarError: The file cannot be used.
        """
        positions, travels, opens = wishes_of(output).positions, output.travel == "avatar", output.jaw == "open"
        key = (output.actor, output.avatar, positions, travels, opens)
        if key not in self._humanoids:
            avatar = self.avatar(output)
            self._humanoids[key] = Humanoid(avatar, positions=positions, travels=travels, opens_jaw=opens)
        return self._humanoids[key]
