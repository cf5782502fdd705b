"""The colours can be read: WCAG 2.2 AA, 4.5 : 1 for text, 3 : 1 for the shapes that carry meaning."""

import re
from importlib import resources

import pytest

from vigie_ui.palette import COLOURS, SHAPE_PAIRS, TEXT_PAIRS, contrast, css_variables


def stylesheet() -> str:
    return resources.files("vigie_ui").joinpath("assets", "page.css").read_text(encoding="utf-8")


def test_contrast_agrees_with_the_standards_examples():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@pytest.mark.parametrize(("foreground", "ground"), TEXT_PAIRS)
def test_text_can_be_read_on_its_ground(foreground, ground):
    assert contrast(COLOURS[foreground], COLOURS[ground]) >= 4.5


@pytest.mark.parametrize(("foreground", "ground"), SHAPE_PAIRS)
def test_the_shape_of_a_control_can_be_seen(foreground, ground):
    assert contrast(COLOURS[foreground], COLOURS[ground]) >= 3


@pytest.mark.parametrize("sentiment", ["positive", "negative"])
def test_the_filled_part_of_the_meter_stands_out(sentiment):
    assert contrast(COLOURS[sentiment], COLOURS[f"{sentiment}-soft"]) >= 3


def test_the_stylesheet_uses_the_palette_and_nothing_else():
    css = stylesheet()
    used = set(re.findall(r"var\(--v-([\w-]+)\)", css))
    assert used <= set(COLOURS)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", css)
    assert not re.findall(r"https?:|@import|url\(", css)
    assert all(f"--v-{name}:" in css_variables() for name in used)
