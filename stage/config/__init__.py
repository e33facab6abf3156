"""stage.toml, the description of one stage: its records and the loader."""

from ._load import load as load
from ._records import ActorSection as ActorSection
from ._records import BlendSet as BlendSet
from ._records import BodySection as BodySection
from ._records import BusSection as BusSection
from ._records import CameraSection as CameraSection
from ._records import Config as Config
from ._records import ConsoleSection as ConsoleSection
from ._records import FaceSection as FaceSection
from ._records import HandsSection as HandsSection
from ._records import LatencySection as LatencySection
from ._records import MetricsSection as MetricsSection
from ._records import OutputSection as OutputSection
from ._records import Section as Section
from ._records import StageSection as StageSection
