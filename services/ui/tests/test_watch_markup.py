"""What the page Watch says of topics, posts and episodes, and that no post is ever markup."""

from datetime import UTC, datetime

import pytest

from vigie_ui import episode_markup, feed_markup, topic_markup
from vigie_ui.alert_markup import amount
from vigie_ui.episode_answers import Episode
from vigie_ui.feed import Standing
from vigie_ui.i18n import LANGUAGES, load_catalogue
from vigie_ui.markup import plain
from vigie_ui.mention_answers import Mention
from vigie_ui.post import Delivery
from vigie_ui.topic_answers import Bucket, LastHour, RisingTerm, Topic, Trends

HOSTILE = '<script>alert(1)</script><img src=x onerror="x">'
NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
FRENCH = load_catalogue("fr")


def clock(at: datetime) -> str:
    return f"{at:%H:%M}"


def topic(**more) -> Topic:
    fields = {
        "topic": "Air Paradis",
        "state": "serious",
        "posts_24h": 240,
        "negatives_24h": 60,
        "share_24h": 0.25,
        "last_hour": LastHour(posts=40, negatives=31, expected=3.4),
        "sources": ("x", "bluesky", "forum"),
    }
    return Topic(**(fields | more))


def mention(**more) -> Mention:
    fields = {"sentiment": "negative", "confidence": 0.87, "text": "Perdu à Orly", "language": "fr", "reach": 4312}
    fields |= {"source": "x", "topic": "Air Paradis"}
    return Mention(id="1", external_id="1", created_at=NOW, **(fields | more))


def episode(**more) -> Episode:
    fields = {
        "id": "e",
        "topic": "Air Paradis",
        "state": "open",
        "severity": "serious",
        "onset_at": NOW,
        "opened_at": NOW,
        "updated_at": NOW,
        "negatives": 124,
        "posts": 200,
        "expected": 18.2,
        "ratio": 6.8,
        "share": 0.62,
    }
    return Episode(**(fields | more))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", topic_markup.STATE_KEYS)
def test_every_state_has_a_word_and_a_sign_of_its_own(state, language):
    say = load_catalogue(language)
    chips = {name: topic_markup.state(name, say) for name in topic_markup.STATE_KEYS}
    assert say(topic_markup.STATE_KEYS[state]) in chips[state]
    signs = [chip.split('src="')[1].split('"')[0] for chip in chips.values()]
    assert len(set(signs)) == len(signs)


def test_a_state_of_tomorrow_is_one_that_says_nothing_certain():
    assert "en apprentissage" in topic_markup.state("enraged", FRENCH)
    assert "v-is-learning" in topic_markup.card(topic(state="enraged"), None, clock, FRENCH, chosen=False)


def test_a_card_says_the_last_hour_against_what_is_usual_and_the_day():
    shown = topic_markup.card(topic(), None, clock, FRENCH, chosen=False)
    for expected in ("31", "contre 3,4 d’habitude", "240 publications", "25\u00a0% de négatives", "X, Bluesky, forum"):
        assert expected in shown


def test_a_topic_that_is_learned_makes_no_comparison():
    learning = topic(state="learning", last_hour=LastHour(posts=4, negatives=1), share_24h=None)
    shown = topic_markup.card(learning, None, clock, FRENCH, chosen=False)
    assert "Vigie apprend ce qui est habituel" in shown
    assert "d’habitude" not in shown


def test_the_course_of_a_day_is_told_to_who_does_not_see_it():
    buckets = tuple(Bucket(at=NOW, posts=20, negatives=count, expected=2.0) for count in (1, 12, 3))
    day = Trends(step_s=3600, since=NOW, until=NOW, buckets=buckets)
    assert "12 au plus par heure" in topic_markup.card(topic(), day, clock, FRENCH, chosen=True)


def test_a_period_is_told_in_a_sentence():
    buckets = tuple(Bucket(at=NOW, posts=20, negatives=count) for count in (1, 12))
    told = topic_markup.summary(Trends(step_s=3600, since=NOW, until=NOW, buckets=buckets), clock, FRENCH)
    assert told.startswith("40 publications, dont 13 négatives (32\u00a0%).")
    assert "12, 10:00" in told
    nothing = Trends(step_s=3600, since=NOW, until=NOW, buckets=())
    assert topic_markup.summary(nothing, clock, FRENCH) == "Aucune publication sur cette période."


def test_no_post_is_ever_markup():
    hostile = mention(text=HOSTILE, topic=HOSTILE, source=HOSTILE)
    shown = feed_markup.post(hostile, None, clock, FRENCH, topic=True)
    shown += topic_markup.card(topic(topic=HOSTILE, sources=(HOSTILE,)), None, clock, FRENCH, chosen=False)
    risen = RisingTerm(term=HOSTILE, count=3, lift=2.0)
    bad = episode(topic=HOSTILE, terms=(risen,), note=HOSTILE, assignee=HOSTILE, posts_first=(hostile,))
    shown += episode_markup.panel(bad, clock, FRENCH) + episode_markup.posts(bad, clock, FRENCH)
    shown += episode_markup.row(bad, clock, FRENCH)
    assert "<script" not in shown
    assert 'onerror="' not in shown
    assert shown.count("&lt;script&gt;") >= 9


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://bsky.app/1", True),
        ("http://x.com/a?b=1&c=2", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil", False),
        ("https://[", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_become_links(url, link):
    assert ("<a " in feed_markup.post(mention(url=url), None, clock, FRENCH, topic=False)) is link


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing("wrong", "positive", Delivery.SENT), "corrigé"),
        (Standing("correct", None, Delivery.SENT), "confirmé"),
        (Standing("wrong", "positive", Delivery.WAITING), "avis en attente"),
        (Standing("wrong", "positive", Delivery.REFUSED), "avis non enregistré"),
    ],
)
def test_a_post_says_what_was_said_of_it(standing, expected):
    assert expected in feed_markup.post(mention(), standing, clock, FRENCH, topic=False)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"sentiment": None}, "bientôt lue"),
        ({"text": None}, "Texte supprimé"),
        ({"counted": False}, "copie ou répétition"),
        ({"uncertain": True}, "hésitant"),
        ({"reach": 1}, "vue par 1 personne<"),
    ],
)
def test_a_post_says_what_is_particular_about_it(more, expected):
    assert expected in feed_markup.post(mention(**more), None, clock, FRENCH, topic=False)


def test_an_episode_says_how_bad_since_when_and_how_much():
    shown = episode_markup.panel(episode(escalated_at=NOW, reach=120000), clock, FRENCH)
    for expected in (
        "Air Paradis\u00a0: un mauvais buzz grave",
        "en cours",
        "Commencé 10:00, repéré 10:00. Aggravé 10:00.",
        "124",
        "6,8 fois l’habituel (18)",
        "62\u00a0%",
        "sur 200 publications",
        "120\u202f000",
    ):
        assert expected in shown


def test_an_episode_barely_above_the_usual_is_not_multiplied():
    shown = episode_markup.panel(episode(ratio=None, share=None, severity="tomorrow"), clock, FRENCH)
    assert "18 d’habitude" in shown
    assert "un début de mauvais buzz" in shown


def test_an_episode_that_is_over_says_so_and_what_was_made_of_it():
    over = episode(state="closed", closed_at=NOW, false_alarm=True, assignee="Léa", acknowledged_at=NOW)
    row = episode_markup.row(over, clock, FRENCH)
    assert "10:00 – 10:00" in row
    assert "fausse alerte" in row
    assert "confié à Léa" in row
    panel = episode_markup.panel(over, clock, FRENCH)
    assert "Terminé 10:00." in panel
    assert "Prise en charge 10:00" in panel


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("severity", ["watch", "serious", "critical", "tomorrow"])
def test_a_title_says_whether_it_goes_on(language, severity):
    say = load_catalogue(language)
    states = ("open", "cooling", "closed")
    titles = [episode_markup.title(episode(state=state, severity=severity), say) for state in states]
    assert len(set(titles)) == 3
    assert not any(word in titles[2] for word in ("is starting", "dying", "retombe "))
    false = episode(severity=severity, state="closed", false_alarm=True)
    assert episode_markup.title(false, say) == say("episode.title_false_alarm", topic="Air Paradis")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("severity", ["watch", "serious", "critical"])
def test_a_past_episode_calls_nobody(language, severity):
    say = load_catalogue(language)
    for over in (episode(severity=severity, state="closed"), episode(severity=severity, false_alarm=True)):
        assert "v-muted" in episode_markup.condition(over, say)
        assert say("state.watch") not in episode_markup.condition(over, say)
        assert "v-over" in episode_markup.panel(over, clock, say)
    assert "v-muted" not in episode_markup.condition(episode(severity=severity), say)


def test_an_episode_found_afterwards_does_not_claim_that_it_was_spotted():
    panel = episode_markup.panel(episode(state="closed", closed_at=NOW, past=True), clock, FRENCH)
    assert "personne n’a été prévenu" in panel
    assert "repéré" not in panel


def test_the_figures_of_card_and_episode_agree_and_say_of_when_they_are():
    running = episode(updated_at=NOW.replace(minute=20))
    card = topic_markup.card(topic(), None, clock, FRENCH, chosen=False, episode=running)
    panel = episode_markup.panel(running, clock, FRENCH)
    assert "124 négatives depuis le début du mauvais buzz, compte fait 10:20" in card
    assert "<strong>124</strong>" in panel
    assert "dernière fois 10:20" in panel
    assert "dernière fois" not in episode_markup.panel(episode(state="closed"), clock, FRENCH)


@pytest.mark.parametrize(
    ("value", "told"), [(18.2, "18"), (3.4, "3,4"), (0.0, "0"), (9.0, "9"), (1234.5, "1\u202f234")]
)
def test_a_number_that_is_usual_is_no_more_precise_than_it_helps(value, told):
    assert amount(value, FRENCH) == told


def test_a_name_in_a_button_is_no_markdown():
    assert plain("*a* #b [c](d) $e$ :f: `g`") == r"\*a\* \#b \[c\]\(d\) \$e\$ \:f\: \`g\`"
