"""The page that shows a night's states is what the code does, and nothing in it is a dead end."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "conversation.md"


def drawn() -> set[tuple[str, str, str]]:
    """From, what is heard, and to, as the page has it."""
    rows = re.findall(r"^\| (\w+) \| (.+) \| (\w+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {(state, heard, to) for state, labels, to in rows for heard in labels.split(", ")}


def test_the_page_is_what_the_code_does() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "draw_states", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_long_conversation_can_be_left_by_stop_and_by_silence() -> None:
    for state in ("staying", "breathing", "venting", "letter", "recording", "setup"):
        assert (state, "stop", "idle") in drawn()
        assert (state, "silence", "idle") in drawn()


def test_danger_is_answered_from_everywhere_and_left_for_nothing_but_sleep() -> None:
    elsewhere = {state for state, _, _ in drawn()} - {"safety"}
    answered = {state for state, heard, to in drawn() if (heard, to) == ("danger", "safety")}
    assert answered == elsewhere
    assert {to for state, _, to in drawn() if state == "safety"} == {"asleep"}


def test_a_letter_is_broken_off_by_nothing_that_may_be_a_part_of_it() -> None:
    leaves = {heard for state, heard, _ in drawn() if state == "letter"}
    assert leaves == {"breathe", "danger", "good_night", "silence", "stop"}
