"""The page for a phone: heard and answered in a real browser, and closed to everybody else."""

import asyncio
import contextlib
import functools
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread
from typing import Any

import aiohttp
import browser as browsers
import numpy as np
import pytest
import soundfile
from house import House, serving
from selenium.common.exceptions import TimeoutException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from lowtide.intents.pack import load

Lowtide = Callable[..., CompletedProcess[str]]
Needs = Callable[..., None]
Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

PACK = load()
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is tested here
READY = r"http://127\.0\.0\.1:(\d+)/"
WITHIN = 60.0
"""Seconds in which anything happens here, on a busy machine."""
AUDIBLE = 0.01
"""Of full scale."""


@pytest.fixture(scope="module")
def page() -> Iterator[House]:
    with serving("--web", "--port", "0", ready=READY) as house:
        yield house


@pytest.fixture(scope="module")
def network_page(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[House, str]]:
    """The page with TLS and pairing, and its code."""
    env = {"LOWTIDE_CERTIFICATE": str(tmp_path_factory.mktemp("certificate"))}
    arguments = ("--web", "--port", "0", "--self-signed")
    arguments += ("--host", EVERYWHERE)
    with serving(*arguments, ready=r"https://0\.0\.0\.0:(\d+)/", env=env) as house:
        found = re.search(r"Pairing code: (\d{3}) (\d{3})", "".join(house.before))
        assert found
        yield house, "".join(found.groups())


@pytest.fixture
def microphone(tmp_path: Path, spoken: Spoken) -> Path:
    """Words for a microphone, again and again: a busy machine may still be greeting at first."""
    words, rate = soundfile.read(spoken("does he miss me", "rms"), dtype="int16")
    quiet = functools.partial(np.zeros, dtype=np.int16)
    path = tmp_path / "microphone.wav"
    soundfile.write(path, np.concatenate((quiet(8 * rate), words, quiet(9 * rate))), rate)
    return path


def until(driver: Chrome, what: Callable[[Chrome], Any]) -> Any:
    try:
        return WebDriverWait(driver, WITHIN, poll_frequency=0.1).until(what)
    except TimeoutException:
        pytest.fail(f"nothing came of it: {driver.find_element(By.TAG_NAME, 'main').text}")


def captions(driver: Chrome) -> list[str]:
    return [each.text for each in driver.find_elements(By.CSS_SELECTOR, "#captions p")]


def audible(driver: Chrome, what: str) -> list[float]:
    """Seconds on the page's audio clock at which the microphone or the voice was audible."""
    tapped = driver.execute_script("return window.tapped")[what]
    return [float(at) for at, peak in tapped if peak > AUDIBLE]


def onsets(times: list[float]) -> list[float]:
    """Where sound begins after a silence longer than the pause before an action."""
    return [at for before, at in zip([-9.0, *times], times, strict=False) if at - before > 1.3]


# In the browser


def test_what_is_said_to_the_phone_is_answered_by_the_phone(
    page: House, microphone: Path, tmp_path: Path, needs: Needs, record_property: Record
) -> None:
    needs("chromium", here=browsers.here())
    with browsers.browser(tmp_path / "profile", microphone) as driver:
        driver.get(f"http://127.0.0.1:{page.port}/")
        talk = driver.find_element(By.ID, "talk")
        until(driver, lambda _: talk.is_displayed())
        talk.send_keys(Keys.ENTER)
        until(driver, lambda _: "Listening" in talk.text and captions(driver))
        until(driver, lambda _: any("does he miss me" in line for line in captions(driver)))
        voice = until(driver, lambda _: onsets(audible(driver, "voice"))[1:])
        answered = voice[-1]
        ended = max(at for at in audible(driver, "microphone") if at < answered)
        answer = captions(driver)[-1].removeprefix("lowtide:").strip()
        assert answer in {reply.text.replace("{him}", "him") for reply in
                          PACK.intents["does_he_miss_me"].replies}  # fmt: skip
        driver.save_screenshot(str(tmp_path / "talking.png"))
        # Stop is silence at once.
        pressed = driver.execute_script("document.getElementById('stop').click(); return 1")
        assert pressed
        at_stop = max(audible(driver, "voice"))
        time.sleep(1)
        silent_after = max(audible(driver, "voice")) - at_stop
        assert not [line for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    assert silent_after < 0.25
    delay = answered - ended
    record_property("page, end of speech to first sound, seconds", round(delay, 2))
    assert 0.2 < delay < 10


def test_it_is_used_by_keyboard_and_read_by_a_screen_reader(
    page: House, tmp_path: Path, needs: Needs
) -> None:
    needs("chromium", here=browsers.here())
    with browsers.browser(tmp_path / "profile") as driver:
        driver.get(f"http://127.0.0.1:{page.port}/")
        until(driver, lambda _: driver.find_element(By.ID, "talk").is_displayed())
        reached = []
        for _ in range(6):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            reached.append(driver.switch_to.active_element.get_attribute("id")
                           or driver.switch_to.active_element.get_attribute("name"))  # fmt: skip
        assert reached == ["talk", "stop", "captions", "mode", "show", "announce"]
        tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        named = {
            (node["role"]["value"], node["name"]["value"])
            for node in tree
            if not node["ignored"] and "name" in node
        }
        assert named >= {
            ("button", "Talk"),
            ("button", "Stop"),
            ("log", "Captions"),
            ("radio", "Open"),
            ("radio", "Hold to talk"),
            ("checkbox", "Let a screen reader read them"),
        }
        # Held by the space bar: open while it is down, closed when it is up.
        driver.find_element(By.CSS_SELECTOR, "input[value=hold]").click()
        talk = driver.find_element(By.ID, "talk")
        press = "arguments[0].dispatchEvent(new KeyboardEvent(arguments[1], {key: ' '}))"
        driver.execute_script(press, talk, "keydown")
        until(driver, lambda _: talk.get_attribute("aria-pressed") == "true")
        driver.execute_script(press, talk, "keyup")
        until(driver, lambda _: talk.get_attribute("aria-pressed") == "false")


def test_on_the_network_a_wrong_code_is_refused_and_the_right_one_lets_in(
    network_page: tuple[House, str], tmp_path: Path, needs: Needs
) -> None:
    needs("chromium", here=browsers.here())
    house, code = network_page
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    with browsers.browser(tmp_path / "profile") as driver:
        driver.get(f"https://127.0.0.1:{house.port}/")
        field = driver.find_element(By.ID, "code")
        until(driver, lambda _: field.is_displayed())
        assert not driver.find_element(By.ID, "talk").is_displayed()
        field.send_keys(wrong, Keys.ENTER)
        until(driver, lambda _: "not the code" in driver.find_element(By.ID, "pairing-answer").text)
        assert not driver.find_element(By.ID, "talk").is_displayed()
        field.clear()
        field.send_keys(code[:3], " ", code[3:], Keys.ENTER)
        until(driver, lambda _: driver.find_element(By.ID, "talk").is_displayed())
        driver.find_element(By.ID, "talk").click()
        until(driver, captions)


FOREIGN = """
<!doctype html><title>another page</title><script type="module">
const socket = new WebSocket("ws://127.0.0.1:PORT/talk");
const talked = new Promise((done) => {
  socket.onopen = () => done(true);
  socket.onerror = () => done(false);
});
const asked = fetch("http://127.0.0.1:PORT/", {credentials: "include"});
const read = asked.then(() => true, () => false);
document.title = JSON.stringify({talked: await talked, read: await read});
</script>
"""


def test_another_site_s_page_can_neither_talk_nor_read(
    page: House, tmp_path: Path, needs: Needs
) -> None:
    needs("chromium", here=browsers.here())
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(FOREIGN.replace("PORT", str(page.port)))
    handler = functools.partial(SimpleHTTPRequestHandler, directory=site)
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with browsers.browser(tmp_path / "profile") as driver:
            driver.get(f"http://127.0.0.1:{page.port}/")  # It has our cookie.
            driver.get(f"http://127.0.0.1:{server.server_port}/")
            until(driver, lambda _: driver.title.startswith("{"))
            assert driver.title == '{"talked":false,"read":false}'
        server.shutdown()


# Without one


@contextlib.asynccontextmanager
async def visitor(house: House, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that has been at the page."""
    jar = aiohttp.CookieJar(unsafe=True)
    own = {"Origin": f"http://127.0.0.1:{house.port}"} | headers
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{house.port}", cookie_jar=jar, headers=own
    ) as session:
        async with session.get("/", headers={"Host": f"127.0.0.1:{house.port}"}) as answer:
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        yield session


async def said(socket: aiohttp.ClientWebSocketResponse) -> str:
    """The next words of the conversation, whose sound is over at once."""
    while True:
        message = await socket.receive(WITHIN)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        if message.type != aiohttp.WSMsgType.TEXT:
            continue
        told = message.json()
        if "sound" in told:
            await socket.send_json({"began": told["sound"]})
            await socket.send_json({"ended": told["sound"]})
            await socket.send_bytes(bytes(16_000))
        if "said" in told:
            return str(told["said"])
        assert "trouble" not in told, told


async def speak(socket: aiohttp.ClientWebSocketResponse, recording: Path) -> None:
    sound, _ = soundfile.read(recording, dtype="int16")
    for piece in (np.zeros(16_000, np.int16), sound, np.zeros(48_000, np.int16)):
        for begin in range(0, len(piece), 1600):
            await socket.send_bytes(piece[begin : begin + 1600].tobytes())


def test_a_danger_is_still_known_when_the_connection_comes_back(
    page: House, spoken: Spoken
) -> None:
    async def night() -> tuple[list[str], list[str]]:
        async with visitor(page) as session:
            async with session.ws_connect("/talk") as socket:
                await socket.send_json({"rate": 16_000})
                before = [await said(socket)]
                await speak(socket, spoken("i want to kill myself", "rms"))
                before.append(await said(socket))
            async with session.ws_connect("/talk") as socket:
                await socket.send_json({"rate": 16_000})
                await speak(socket, spoken("does he miss me", "rms"))
                after = [await said(socket)]
        return before, after

    (greeting, first), (later,) = asyncio.run(asyncio.wait_for(night(), 3 * WITHIN))
    assert greeting in PACK.lines["greeting"]
    assert "emergency number" in first
    assert later not in PACK.lines["greeting"]
    assert later not in {reply.text for reply in PACK.intents["does_he_miss_me"].replies}


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}],
    ids=str,
)
def test_strange_origins_and_names_are_refused(page: House, headers: dict[str, str]) -> None:
    async def meet() -> int:
        async with visitor(page) as session:
            try:
                async with session.ws_connect("/talk", headers=headers):
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    assert asyncio.run(meet()) == 403


def test_a_device_that_is_not_paired_is_refused(network_page: tuple[House, str]) -> None:
    house, code = network_page
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    address = f"https://127.0.0.1:{house.port}"

    async def meet() -> list[int]:
        connector = aiohttp.TCPConnector(ssl=trusting)
        async with aiohttp.ClientSession(address, connector=connector) as session:
            found = []
            for origin, sent in ((address, "000"), ("https://evil.example", code)):
                headers = {"Origin": origin}
                async with session.post("/pair", data=sent, headers=headers) as answer:
                    found.append(answer.status)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("/talk", headers={"Origin": address})
            return [*found, refused.value.status]

    assert asyncio.run(meet()) == [403, 403, 403]


@pytest.mark.parametrize(
    "sent",
    ['{"rate": -1}', '{"rate": "my secret"}', "[1]", "{" * 5000, b"\0" * 5000],
    ids=["negative", "words", "a list", "deep", "no rate first"],
)
def test_garbage_ends_that_conversation_only(page: House, sent: str | bytes) -> None:
    async def meet() -> int | None:
        async with visitor(page) as session, session.ws_connect("/talk") as socket:
            await (socket.send_bytes(sent) if isinstance(sent, bytes) else socket.send_str(sent))
            message = await socket.receive(WITHIN)
            assert message.type == aiohttp.WSMsgType.CLOSE
            return socket.close_code

    assert asyncio.run(meet()) == aiohttp.WSCloseCode.UNSUPPORTED_DATA
    assert "secret" not in "".join(page.log)


def test_a_page_that_vanishes_in_the_middle_of_a_word_leaves_the_others_alone(
    page: House,
) -> None:
    async def vanish() -> None:
        async with visitor(page) as session:
            socket = await session.ws_connect("/talk")
            await socket.send_json({"rate": 16_000})
            await socket.send_bytes(bytes(3200))
            await socket.receive(WITHIN)
            connection = socket._response.connection
            assert connection
            assert connection.transport
            connection.transport.abort()

    async def greeted() -> str:
        async with visitor(page) as session, session.ws_connect("/talk") as socket:
            await socket.send_json({"rate": 16_000})
            return await said(socket)

    for _ in range(6):  # More than may talk at once: each has to be let go of.
        asyncio.run(vanish())
    assert asyncio.run(asyncio.wait_for(greeted(), WITHIN)) in PACK.lines["greeting"]


@pytest.mark.parametrize("sent", [b"\0" * 9000, b"GET /../../etc/passwd HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_is_refused(page: House, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", page.port), WITHIN) as connection:
        connection.sendall(sent)
        assert b" 40" in connection.recv(64)
    assert "Traceback" not in "".join(page.log)


def test_one_device_too_many_is_told_so(page: House) -> None:
    async def meet() -> dict[str, Any]:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                session = await stack.enter_async_context(visitor(page))
                await stack.enter_async_context(session.ws_connect("/talk"))
            session = await stack.enter_async_context(visitor(page))
            socket = await stack.enter_async_context(session.ws_connect("/talk"))
            found: dict[str, Any] = await socket.receive_json(timeout=WITHIN)
            return found

    assert "Too many devices" in asyncio.run(meet())["trouble"]


# What it says of a mistake


@pytest.mark.parametrize(
    ("missing", "arguments"), [("wyoming", ["serve"]), ("aiohttp", ["serve", "--web"])]
)
def test_a_missing_extra_is_named(missing: str, arguments: list[str]) -> None:
    start = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = {arguments!r}; "
        "from lowtide.voice.cli import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", start], capture_output=True, text=True, check=False
    )
    extra = {"wyoming": "wyoming", "aiohttp": "web"}[missing]
    assert done.returncode == 1
    assert done.stderr == f"lowtide: This needs an extra: pip install 'lowtide[{extra}]'\n"


def test_the_network_needs_tls(lowtide: Lowtide) -> None:
    done = lowtide("serve", "--web", "--host", EVERYWHERE)
    assert done.returncode == 1
    assert done.stderr == (
        "lowtide: On the network the page needs TLS: --self-signed, or --certificate and --key.\n"
    )


def test_a_certificate_that_is_none(lowtide: Lowtide, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no certificate")
    done = lowtide(
        "serve", "--web", "--certificate", tmp_path / "a.pem", "--key", tmp_path / "b.pem"
    )
    assert done.returncode == 1
    assert done.stderr.endswith("are no certificate with its key.\n")
    assert done.stderr.count("\n") == 1


def test_a_certificate_needs_its_key(lowtide: Lowtide) -> None:
    done = lowtide("serve", "--web", "--certificate", "a.pem")
    assert done.returncode == 2
    assert "go together" in done.stderr
