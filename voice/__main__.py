"""Start of the command line; light, because worker processes import it again."""


def main() -> None:
    """Run `lowtide`."""
    from lowtide.voice.cli import run  # noqa: PLC0415 - see above

    run()


if __name__ == "__main__":
    main()
