"""What makes a replay impossible."""


class Misuse(Exception):  # noqa: N818 - it is no failure of the program
    """The file or an option makes no sense; the text is one sentence for the person who gave it."""
