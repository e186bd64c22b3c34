"""lowtide as a skill of OpenVoiceOS: its microphones, its voice, and other skills beside us.

    not ours yet      a fallback before others, for what has an answer of ours (`can_answer`)
    going on          converse, for as long as something is going on; danger always
    "stop"            ends what is going on, in silence

What is said goes through the assistant's own voice. A session of the assistant is a conversation.
"""

import secrets
import time
from typing import Any

from ovos_bus_client.message import Message
from ovos_bus_client.session import Session, SessionManager
from ovos_utils.decorators import classproperty
from ovos_utils.process_utils import RuntimeRequirements
from ovos_workshop.skills.converse import ConversationalSkill
from ovos_workshop.skills.fallback import FallbackSkill

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import load as load_pack
from lowtide.voice.bridges.conversations import Conversations, Told, as_one
from lowtide.voice.packs import understander
from lowtide.voice.settings import load

PRIORITY = 3
"""Of the fallback: before what is only probably another skill's, for danger can't wait."""
INTENT = "lowtide.intent"
"""Sentences that are surely ours, generated from the packs by `scripts/make_locale`."""


class LowtideSkill(ConversationalSkill, FallbackSkill):
    """The skill."""

    @classproperty
    def runtime_requirements(self) -> RuntimeRequirements:
        """No network, ever."""
        return RuntimeRequirements(
            internet_before_load=False,
            network_before_load=False,
            requires_internet=False,
            requires_network=False,
            no_internet_fallback=True,
            no_network_fallback=True,
        )

    def initialize(self) -> None:
        """Load the pack and the models, and say what is ours."""
        pack = load_pack()

        def begin() -> Dialogue:
            seed = secrets.randbits(32)
            return Dialogue(
                pack, seed=seed, person=load().person(), keeps=False, speaks_first=False
            )

        self._conversations = Conversations(understander(pack), begin, pack)
        self.register_intent_file(INTENT, self.handle)
        self.register_fallback(self.handle, PRIORITY)

    def can_answer(self, message: Message) -> bool:
        """Whether these words are for us, as a fallback."""
        return self._wants(message)

    def can_converse(self, message: Message) -> bool:
        """Whether these words are for us, after we have been talked with."""
        return self._wants(message)

    def converse(self, message: Message) -> bool:
        """Answer what is said after we have been talked with."""
        return self.handle(message)

    def handle(self, message: Message) -> bool:
        """Answer; silence can be the answer."""
        say = as_one(self._conversations.answer(_told(message), time.monotonic()))
        self.activate()
        if say is not None:
            self.speak(say.text, expect_response=say.text.endswith("?"))
        return True

    def can_stop(self, message: Message) -> bool:
        """Whether there is something to stop."""
        session = SessionManager.get(message)
        return self._conversations.going_on(session.session_id, time.monotonic())

    def stop_session(self, session: Session) -> bool:
        """End what is going on, without a word."""
        now = time.monotonic()
        if not self._conversations.going_on(session.session_id, now):
            return False
        self._conversations.answer(Told((Hypothesis("stop"),), session.session_id), now)
        return True

    def _wants(self, message: Message) -> bool:
        return self._conversations.wants(_told(message), time.monotonic())


def _told(message: Message) -> Told:
    data: dict[str, Any] = message.data
    texts = data.get("utterances") or [data.get("utterance", "")]
    # The assistant names no confidences: each reading counts half of the one before.
    readings = tuple(Hypothesis(str(text), 0.5**rank) for rank, text in enumerate(texts))
    return Told(readings, SessionManager.get(message).session_id)
