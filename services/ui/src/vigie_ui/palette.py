"""The colours of the page; a test holds every pair of text and ground to WCAG's contrast."""

from typing import Final

COLOURS: Final = {
    "ink": "#16293a",
    "muted": "#4d6072",
    "paper": "#f6f4ee",
    "card": "#ffffff",
    "line": "#ddd8cb",
    "edge": "#7d8a96",
    "sky": "#0e5a7a",
    "sky-deep": "#0a4560",
    "sky-soft": "#e6f0f4",
    "sun": "#e9a23b",
    "positive": "#17653d",
    "positive-soft": "#e4f2e9",
    "negative": "#a2322a",
    "negative-soft": "#fbeae7",
    "warn": "#744f00",
    "warn-soft": "#fdf3da",
}

# (foreground, ground, what it carries): text needs 4.5 : 1, the shape of a control or a meter 3 : 1.
TEXT_PAIRS: Final = (
    ("ink", "paper"),
    ("ink", "card"),
    ("muted", "paper"),
    ("muted", "card"),
    ("sky", "paper"),
    ("sky", "card"),
    ("sky", "sky-soft"),
    ("sky-deep", "sky-soft"),
    ("card", "sky"),
    ("card", "sky-deep"),
    ("positive", "positive-soft"),
    ("positive", "card"),
    ("negative", "negative-soft"),
    ("negative", "card"),
    ("negative", "paper"),
    ("card", "negative"),
    ("ink", "positive-soft"),
    ("ink", "negative-soft"),
    ("muted", "positive-soft"),
    ("muted", "negative-soft"),
    ("warn", "warn-soft"),
    ("ink", "warn-soft"),
)
SHAPE_PAIRS: Final = (("edge", "card"), ("edge", "paper"), ("sky", "card"), ("sky", "paper"))


def contrast(foreground: str, ground: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(foreground), _luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def css_variables() -> str:
    """The palette as CSS custom properties `--v-…`."""
    lines = "".join(f"--v-{name}:{value};" for name, value in COLOURS.items())
    return f":root{{{lines}}}"


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
