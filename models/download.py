"""Fetches a file over HTTP, and goes on where an earlier try was cut off."""

from collections.abc import Callable
from pathlib import Path

TIMEOUT = 30.0
"""Seconds without an answer, or without a byte."""
ATTEMPTS = 3
"""Of one call, as long as each brings something."""
BLOCK = 1 << 14
"""Bytes written at a time; a block that is cut off is lost."""

Progress = Callable[[int, int], None]
"""Told the bytes that are here, and how many it will be."""


class Unreachable(Exception):  # noqa: N818 - named for what happened
    """The file can't be had; the message says why in a few words."""


class TooBig(Exception):  # noqa: N818 - named for what happened
    """More came than the file can have."""


def download(url: str, path: Path, size: int, limit: int, progress: Progress) -> None:
    """Fetch a file; what stands at `path` already is taken as its beginning.

    Whether it is the right file is for its checksum to say. What came before a failure is kept.

    Args:
        url: Where it is.
        path: Where it goes.
        size: Bytes it has, or about.
        limit: Bytes it can't have more than.
        progress: Told now and then.

    Raises:
        Unreachable: It can't be had now.
        TooBig: More than `limit` bytes came.
        OSError: The disk does not take it.
    """
    for attempt in range(1, ATTEMPTS + 1):
        before = _length(path)
        try:
            _go_on(url, path, size, limit, progress)
        except Unreachable:
            if attempt == ATTEMPTS or _length(path) <= before:
                raise
        else:
            return


def _go_on(url: str, path: Path, size: int, limit: int, progress: Progress) -> None:
    import requests  # noqa: PLC0415 - only a download needs it

    have = _length(path)
    # A server that packs on the way would count other bytes than the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                return  # All of it is here.
            answer.raise_for_status()
            if not _continues(answer.headers.get("Content-Range", ""), have):
                have = 0
            total = have + int(answer.headers.get("Content-Length", size - have))
            with path.open("ab" if have else "wb") as file:
                for block in answer.iter_content(BLOCK):
                    have += len(block)
                    if have > limit:
                        raise TooBig(url)
                    file.write(block)
                    progress(have, total)
    except requests.RequestException as error:
        raise Unreachable(_why(error)) from error


def _continues(content_range: str, have: int) -> bool:
    """Whether the answer begins where the file ends; else it is the whole of it anew."""
    return have > 0 and content_range.startswith(f"bytes {have}-")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _why(error: Exception) -> str:
    from requests import exceptions  # noqa: PLC0415 - loaded already

    reasons: dict[type[Exception], str] = {
        exceptions.ProxyError: "the proxy in HTTPS_PROXY or HTTP_PROXY does not let it through",
        exceptions.InvalidProxyURL: "HTTPS_PROXY or HTTP_PROXY holds no address of a proxy",
        exceptions.SSLError: "the connection is not secure (is the clock right?)",
        exceptions.Timeout: "the server does not answer",
        exceptions.ChunkedEncodingError: "the connection was cut off",
        exceptions.ConnectionError: "there is no network, or the server is down",
    }
    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code}"
    return next((why for kind, why in reasons.items() if isinstance(error, kind)), str(error))
