"""How the core sees the meaning model: text in, probabilities out. Who builds one is the shell."""

from collections.abc import Mapping
from typing import Protocol


class Reading(Protocol):
    """What an utterance probably means, by its meaning alone."""

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Of every intent and `none`; they add up to 1."""
        ...

    @property
    def danger(self) -> Mapping[str, float]:
        """Of each safety intent on its own, 0 to 1: that a careful listener would ask or act."""
        ...

    @property
    def clear(self) -> Mapping[str, float]:
        """Of each safety intent on its own, 0 to 1: that a careful listener would act at once."""
        ...


class Meaning(Protocol):
    """Reads meaning; holds nothing between utterances."""

    def read(self, text: str) -> Reading:
        """The reading of one utterance in canonical form (see `lowtide.intents.text`)."""
        ...
