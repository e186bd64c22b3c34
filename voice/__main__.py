"""Start of the command line; light, because worker processes import it again.

`lowtide`, `python -m lowtide.voice`, and in a checkout `python -m voice` are the same.
"""

import os
import sys


def main() -> None:
    """Run `lowtide`."""
    # Sentences are small: more threads only make them wait for each other, and the sound for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from lowtide.voice.cli import run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        # `python -m voice` finds this file in a checkout where nothing is installed.
        if error.name is None or error.name.split(".")[0] != "lowtide":
            raise
        sys.stderr.write("lowtide: not installed for this Python; pip install . or scripts/run\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
