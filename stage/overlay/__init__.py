"""`stage overlay`: what was solved, drawn over the pictures it was solved from."""

from stage.overlay._body import Style as Style
from stage.overlay._overlay import overlay as overlay
