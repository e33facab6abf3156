"""What all sections of stage.toml share: their base and the kinds of numbers in them."""

from __future__ import annotations

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Size = Annotated[int, msgspec.Meta(ge=0, le=16384)]
Count = Annotated[int, msgspec.Meta(ge=1, le=256)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections of stage.toml."""

    @property
    def kind(self) -> str:
        """The `kind` that a table of a list says; "" of a section that has none."""
        return str(self.__struct_config__.tag or "")
