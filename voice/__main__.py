"""Start of the command line; light, because worker processes import it again."""

import os


def main() -> None:
    """Run `lowtide`."""
    # Sentences are small: more threads only make them wait for each other, and the sound for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from lowtide.voice.cli import run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
