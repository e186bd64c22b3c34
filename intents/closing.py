"""The words with which somebody who needs all the time there is ends what they say."""

from lowtide.intents.pack import Pack
from lowtide.intents.text import canonical


class Closing:
    """Finds those words at the end of what was said.

    Args:
        pack: Has them, and the words after which they are only told of.
    """

    def __init__(self, pack: Pack) -> None:
        self._words, self._led_by, self._told_after = (
            frozenset(canonical(each) for each in pack.lines[name])
            for name in ("closing", "closing_led_by", "closing_told_after")
        )
        self._longest = max(len(each.split()) for each in self._words)
        self._names = pack.names
        self.done = pack.lines["closing"][0]
        """The words that a script which listens until then knows."""

    def cut(self, text: str) -> str | None:
        """What was said before the closing words; None where it does not end with any."""
        words = text.split()
        for at in range(max(0, len(words) - self._longest), len(words)):
            if canonical(" ".join(words[at:])) in self._words:
                before = self._without_lead(words[:at])
                return None if self._is_told(before) else before
        return None

    def _without_lead(self, words: list[str]) -> str:
        """Without "and", "okay", "I think", which belong to the closing words."""
        for count in (2, 1):
            if words and canonical(" ".join(words[-count:])) in self._led_by:
                return self._without_lead(words[:-count])
        return " ".join(words)

    def _is_told(self, before: str) -> bool:
        """Whether the closing words are a part of the sentence: "he said that's it"."""
        words = canonical(before, self._names).split()
        return any(" ".join(words[-count:]) in self._told_after for count in (1, 2))
