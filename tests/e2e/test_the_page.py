"""A member of the marketing team at work: a tweet in, a verdict out, a correction given."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from .conftest import wait_until

pytestmark = pytest.mark.e2e

TWEET = "Bagages perdus, personne ne répond, plus jamais cette compagnie"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture
def page(stack):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("Chromium is missing: apt-get install chromium (make setup does it)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, "--no-first-run"])
        context = browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        try:
            yield page
        finally:
            page.screenshot(path=stack.artifacts / "page.png", full_page=True)
            browser.close()


def test_a_tweet_is_analysed_and_corrected_through_the_gateway(stack, page, api):
    page.goto(stack.url)
    page.locator(".st-key-tweet textarea").fill(TWEET)
    page.locator(".st-key-analyse button").click()
    expect(page.locator(".st-key-card")).to_contain_text("égatif")

    page.locator(".st-key-no button").click()
    page.locator(".st-key-send button").click()
    expect(page.locator(".st-key-card")).to_contain_text("positif")

    def arrived() -> bool:
        found = api.get("/v1/feedback", params={"verdict": "wrong"}).json()["feedback"]
        return any(entry["text"] == TWEET and entry["correction"] == "positive" for entry in found)

    wait_until("the correction is in the API", arrived)
