"""Copies and loud authors count once; different people do not."""

import json

from hypothesis import given
from hypothesis import strategies as st

from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.duplicates import WITHIN, Seen, author_key, fingerprints, marks_of

POST = "my flight was cancelled again and nobody answers the phone"


def counts(posts):
    """How many of (bucket, text) count."""
    seen = Seen()
    return sum(seen.is_new(fingerprints(text), bucket) for bucket, text in posts)


def test_copies_with_another_mention_address_case_or_number_count_once():
    copies = [
        POST,
        f"RT @someone: {POST}",
        f"@air {POST.upper()} https://t.co/x1",
        f"{POST} 42",
        f"{POST}!!! &amp;",
        f"www.example.org {POST}",
    ]
    assert counts([(0, text) for text in copies]) == 1


def people(posts):
    """How many of (text, author) count within one bucket."""
    seen = Seen()
    return sum(seen.is_new(marks_of(text, author), 0) for text, author in posts)


def test_each_person_who_passes_a_post_on_counts_once():
    passed_on = [(f"RT @ann: {POST}", author) for author in (1, 2, 3, 3, 1)]
    assert people([(POST, 7), *passed_on]) == 4
    assert people([(f"so true! rt @ann {POST}", 1), (f"“@ann: {POST}” shame", 2), (f'"@ann: {POST}"', 3)]) == 3


def test_a_text_that_many_accounts_post_without_naming_its_author_counts_once():
    assert people([(f"@air {POST} {number}", number) for number in range(9)]) == 1


def test_where_no_author_is_known_a_post_that_is_passed_on_counts_once():
    assert people([(f"RT @ann: {POST}", None)] * 5) == 1


def test_a_flood_that_goes_on_counts_again_after_hours():
    flood = [(bucket, POST) for bucket in range(4 * (WITHIN + 1))]
    assert counts(flood) == 4


def test_short_texts_are_nobodys_copy():
    assert counts([(0, "thanks a lot"), (0, "thanks a lot")]) == 2


def test_long_texts_with_the_same_beginning_or_end_are_copies():
    tail = "and this is how they treat people who paid in full"
    assert counts([(0, f"first of all {tail}"), (0, f"second of all my bag {tail}")]) == 1
    assert counts([(0, f"{tail} on monday"), (0, f"{tail} every single day of the year")]) == 1


def test_an_author_is_a_keyed_hash():
    assert author_key("Ann", b"k") == author_key("ann", b"k") != author_key("ann", b"l")
    assert author_key("ann", b"k") != author_key("bob", b"k")


@given(
    st.lists(st.tuples(st.integers(0, 30 * PER_HOUR), st.integers(0, 2**64 - 1)), max_size=40).map(sorted),
    st.integers(0, 40),
)
def test_a_restart_changes_nothing(posts, cut):
    through, before = Seen(), Seen()
    answers = [through.is_new((mark,), bucket) for bucket, mark in posts]
    first = [before.is_new((mark,), bucket) for bucket, mark in posts[:cut]]
    after = Seen.from_state(json.loads(json.dumps(before.state())))
    assert first + [after.is_new((mark,), bucket) for bucket, mark in posts[cut:]] == answers


@given(st.lists(st.tuples(st.integers(0, 100 * PER_HOUR), st.integers(0, 5)), max_size=60).map(sorted))
def test_a_mark_counts_at_most_once_in_six_hours(posts):
    seen, counted = Seen(), {}
    for bucket, mark in posts:
        if seen.is_new((mark,), bucket):
            assert bucket - counted.get(mark, -WITHIN - 1) > WITHIN
            counted[mark] = bucket
        else:
            assert bucket - counted[mark] <= WITHIN


def test_what_is_remembered_stays_small():
    seen = Seen()
    for bucket in range(200 * PER_HOUR):
        seen.is_new((bucket,), bucket)
    assert len(seen.last) <= WITHIN + 4 * PER_HOUR
