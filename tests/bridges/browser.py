"""Chromium without a screen, a recording for its microphone; what it plays is looked at inside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

TAP = """
// Notes how loud the microphone and the page's own voice are, both on the page's one audio clock.
(() => {
  const create = AudioContext.prototype.createMediaStreamSource;
  const connect = AudioNode.prototype.connect;
  window.tapped = { microphone: [], voice: [] };
  const tap = (node, what) => {
    const meter = node.context.createScriptProcessor(256, 1, 1);
    meter.onaudioprocess = (event) => {
      const samples = event.inputBuffer.getChannelData(0);
      const peak = samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
      window.tapped[what].push([event.playbackTime, peak]);
    };
    connect.call(node, meter);
    connect.call(meter, node.context.destination);
  };
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    const source = create.call(this, stream);
    tap(source, "microphone");
    return source;
  };
  AudioNode.prototype.connect = function (to, ...rest) {
    if (this instanceof AudioBufferSourceNode) tap(this, "voice");
    return connect.call(this, to, ...rest);
  };
})();
"""


def here() -> bool:
    """Whether there is a browser to test with."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@contextmanager
def browser(folder: Path, microphone: Path | None = None) -> Iterator[webdriver.Chrome]:
    """A browser of its own, as large as a phone.

    Args:
        folder: For its profile.
        microphone: What it hears, over and over, from when a page opens the microphone.
    """
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("ignore-certificate-errors", f"user-data-dir={folder}", "window-size=390,844"),
        *("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"),
        *("disable-dev-shm-usage", "force-device-scale-factor=1"),
    ):
        options.add_argument(f"--{flag}")
    if microphone is not None:
        options.add_argument(f"--use-file-for-fake-audio-capture={microphone}")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": TAP})
        yield driver
    finally:
        driver.quit()
