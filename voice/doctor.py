"""What works on this machine, and what to do about what does not."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from lowtide.intents.pack import Helpline, load
from lowtide.models.store import Store, StoreTrouble
from lowtide.voice import desktop, portaudio, sound_server
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import Trouble
from lowtide.voice.helplines import CHECK_AGAIN_AFTER, days_old, outdated
from lowtide.voice.microphone import Microphone
from lowtide.voice.prompts import cache_folder, writable
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.recognisers.vosk import Vosk
from lowtide.voice.settings import Settings, settings_file
from lowtide.voice.speaker import Device
from lowtide.voice.synthesis import Synthesis, Voice


@dataclass(frozen=True)
class Finding:
    """One part, whether it works, and one line about it."""

    part: str
    works: bool
    line: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Try every part as a session would use it."""
    checks: dict[str, Callable[[Settings], str]] = {
        "microphone": _microphone,
        "speaker": _speaker,
        "echo": _echo,
        "engine": _engine,
        "models": _models,
        "voice": _voice,
        "cache": _cache,
        "helplines": _helplines,
        "settings": _settings,
        "desktop": lambda _: desktop.state(),
    }
    for part, check in checks.items():
        try:
            yield Finding(part, works=True, line=check(settings))
        except (Trouble, StoreTrouble) as error:
            yield Finding(part, works=False, line=str(error))


def _microphone(settings: Settings) -> str:
    device = Microphone(settings.microphone).device
    others = portaudio.names("input")
    return f"{device['name']} at {device['default_samplerate']:.0f} Hz (of: {', '.join(others)})"


def _speaker(settings: Settings) -> str:
    device = Device(settings.speaker).device
    others = portaudio.names("output")
    return f"{device['name']} at {device['default_samplerate']:.0f} Hz (of: {', '.join(others)})"


def _echo(settings: Settings) -> str:
    """Whether our own voice stays out of what is heard, and what to write so that it does."""
    device, full = sound_server.without_echo(), settings.barge_in == "full"
    if device is None:
        if full:
            return 'everything said over our voice counts (barge_in = "full"): with headphones only'
        return (
            "our voice is taken off by ourselves, so only a stop and danger count while it sounds; "
            "for a microphone without echo: lowtide desktop echo-cancel"
        )
    if full and settings.microphone == device.name:
        return f"{device.name} takes our voice off; everything said over it counts"
    return (
        f"{device.name} takes our voice off, so that everything said over it can count; "
        f'write in {settings_file()}: microphone = "{device.name}" and barge_in = "full"'
        f"{_beside(device)}"
    )


def _beside(microphone: sound_server.Device) -> str:
    """The loudspeaker that has to be used too: what sounds elsewhere is not taken off."""
    speaker = sound_server.played_beside(microphone)
    return f' and speaker = "{speaker.name}"' if speaker is not None else ""


def _engine(settings: Settings) -> str:
    begun = time.perf_counter()
    engine = recogniser(settings.engine, settings.vosk_model)
    ready = time.perf_counter() - begun
    try:
        return f"{engine.name}, ready in {ready:.2f} s{_unhearable(engine)}"
    finally:
        engine.close()


def _unhearable(engine: Recogniser) -> str:
    """What of the packs the engine has no words for, where that can be asked."""
    if not isinstance(engine, Vosk):
        return ""
    words = {word for _, phrase in load().phrases() for word in phrase.split()}
    missing = engine.missing(sorted(words))
    if not missing:
        return ""
    return f"; it has no word for {len(missing)} of {len(words)}: {', '.join(missing[:8])} …"


def _models(_: Settings) -> str:
    store = Store()
    names = [store.path(model).name for model in store.installed()]
    return f"{', '.join(names) or 'none installed'} (in {store.root})"


def _voice(settings: Settings) -> str:
    synthesis = Synthesis()
    try:
        begun = time.perf_counter()
        synthesis.render("I am here.", Voice(settings.voice))
        first = time.perf_counter() - begun
        begun = time.perf_counter()
        synthesis.render("I am listening.", Voice(settings.voice))
        after = time.perf_counter() - begun
        return f"speaks; first sentence in {first:.2f} s, the next in {after:.2f} s"
    finally:
        synthesis.close()


def _cache(_: Settings) -> str:
    folder = writable(cache_folder())
    return f"{sum(1 for _ in folder.glob('*.flac'))} sentences in {folder}"


def _helplines(settings: Settings) -> str:
    numbers = [line for line in load().helplines if line.country == settings.country]
    if settings.country is None:
        return "no country set, so no number is spoken; set country in the settings file"
    if not numbers:
        return f'no numbers for {settings.country!r}; "your local emergency number" is said'
    shown = "; ".join(f"{line.kind} {line.number}{_age(line)}" for line in numbers)
    unverified = sum(1 for line in numbers if not line.verified_on)
    return f"{shown} ({unverified} of {len(numbers)} not verified by a person)"


def _age(line: Helpline) -> str:
    """What has to be known about how long ago a number was verified; mostly nothing."""
    today = date.today()  # noqa: DTZ011 - the person's own day
    if outdated(line, today):
        return " (verified too long ago, not spoken)"
    days = days_old(line, today)
    return " (to be verified again)" if days and days > CHECK_AGAIN_AFTER else ""


def _settings(_: Settings) -> str:
    path = settings_file()
    return f"{path}" if path.exists() else f"defaults (no {path})"
