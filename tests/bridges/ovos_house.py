"""An OpenVoiceOS with lowtide and one other skill in it; runs in the environment that has ovoscope.

Reads a JSON list of evenings from standard input, each a list of what is said (a text, or the
recogniser's readings); writes into the file it is given what the house did about each.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ovos_bus_client.message import Message
from ovos_bus_client.session import Session
from ovos_workshop.decorators import fallback_handler
from ovos_workshop.skills.fallback import FallbackSkill
from ovoscope import CaptureSession, get_minicroft

PIPELINE = [
    "ovos-stop-pipeline-plugin-high",
    "ovos-converse-pipeline-plugin",
    "ovos-fallback-pipeline-plugin-high",
    "ovos-fallback-pipeline-plugin-low",
]
OURS, OTHER = "lowtide.lowtide", "other.house"
OTHER_SAYS = "the other skill took it"


class Other(FallbackSkill):
    """A skill that takes whatever nobody else wants."""

    def can_answer(self, message: Message) -> bool:  # noqa: ARG002
        return True

    @fallback_handler(priority=95)
    def take(self, message: Message) -> bool:  # noqa: ARG002
        self.speak(OTHER_SAYS)
        return True


def done(croft: Any, session: Session, said: str | list[str]) -> dict[str, Any]:
    """What the house does about something said."""
    texts = [said] if isinstance(said, str) else said
    message = Message(
        "recognizer_loop:utterance",
        {"utterances": texts, "lang": "en-US"},
        {"session": session.serialize()},
    )
    capture = CaptureSession(croft, eof_msgs=["ovos.utterance.handled", f"{OURS}.stop.response"])
    capture.capture(message, timeout=20)
    seen = capture.finish()
    spoken = [each for each in seen if each.msg_type == "speak"]
    for each in seen:  # The assistant keeps who is active in the session that comes back.
        if "session" in each.context:
            session = Session.deserialize(each.context["session"])
    return {
        "spoken": [each.data["utterance"] for each in spoken],
        "listens": any(each.data.get("expect_response") for each in spoken),
        "session": session,
    }


def main() -> None:
    """Live through the evenings."""
    croft = get_minicroft(
        [OURS], extra_skills={OTHER: Other}, default_pipeline=PIPELINE, lang="en-US"
    )
    try:
        lived = []
        for number, evening in enumerate(json.load(sys.stdin)):
            session = Session(f"evening {number}", lang="en-US", pipeline=PIPELINE)
            turns = []
            for said in evening:
                turn = done(croft, session, said)
                session = turn.pop("session")
                turns.append(turn)
            lived.append(turns)
        needs = croft.plugin_skills[OURS].instance.runtime_requirements
        kinds = ("internet_before_load", "network_before_load", "requires_internet")
        network = [kind for kind in (*kinds, "requires_network") if getattr(needs, kind)]
        found = {"evenings": lived, "network": network}
        Path(sys.argv[1]).write_text(json.dumps(found), "utf-8")
    finally:
        croft.stop()


if __name__ == "__main__":
    main()
