"""What several VMC outputs share: avatars are read once, and who wears the same twice is retargeted once.

Reading an avatar takes a moment, and a live change must not hold up the show. Outputs that differ only in expressions,
bundles or rates put the same actor into the same humanoid: it keeps the pose of the performance it saw last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from protocols.messages import Performance
from stage.avatars import Avatar, read_avatar
from stage.config import VmcSection, wishes_of
from stage.outputs.humanoid import Group, Humanoid


class Wardrobe:
    """The avatars of a stage, and the humanoids that its actors are in."""

    def __init__(self) -> None:
        self._avatars: dict[str, Avatar] = {}
        self._humanoids: dict[tuple[object, ...], dict[str, Humanoid]] = {}

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
        worn = self._humanoids.setdefault((output.avatar, positions, travels, opens), {})
        if output.actor not in worn:
            avatar = self.avatar(output)
            worn[output.actor] = Humanoid(avatar, positions=positions, travels=travels, opens_jaw=opens)
        return worn[output.actor]

    def announce(self, performances: Sequence[Performance]) -> None:
        """These have come together: who wear the same are posed together, where their poses are still asked for."""
        for worn in self._humanoids.values():
            group: Group = []
            for performance in performances:
                humanoid = worn.get(performance.actor)
                if humanoid is not None and humanoid.wanted:
                    group.append((humanoid, performance))
            for humanoid, _ in group:
                humanoid.announce(group)
