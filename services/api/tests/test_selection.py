"""What to label next: doubt, contradiction, and words that stand for many posts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_api.review.selection import Candidate, Choice, choose


def _post(number: int, text: str, score: float = 0.5, **more: object) -> Candidate:
    return Candidate(f"p{number}", text, score, **more)  # type: ignore[arg-type]  # the two optional attributes


def _ids(choices: list[Choice]) -> list[str]:
    return [choice.candidate.prediction_id for choice in choices]


def test_of_equal_posts_the_one_that_the_model_doubts_comes_first() -> None:
    posts = [_post(1, "the flight was late", 0.97), _post(2, "the crew was late", 0.52)]
    assert _ids(choose(posts, 2)) == ["p2", "p1"]


def test_a_contradiction_of_champion_and_challenger_outranks_a_shared_certainty() -> None:
    posts = [
        _post(1, "the flight was late", 0.9, challenger_score=0.92),
        _post(2, "the crew was late", 0.9, challenger_score=0.1),
    ]
    first, second = choose(posts, 2)
    assert first.candidate.prediction_id == "p2"
    assert first.reasons == ("disagreement",)
    assert second.reasons == ()


def test_what_people_dispute_comes_before_what_the_model_doubts() -> None:
    posts = [_post(1, "the flight was late", 0.5), _post(2, "the crew was late", 0.95, disputes=1)]
    first, second = choose(posts, 2)
    assert (first.candidate.prediction_id, first.reasons) == ("p2", ("disputed",))
    assert second.reasons == ("uncertain",)


def test_ten_copies_of_one_post_take_one_place_of_the_list() -> None:
    copies = [_post(n, f"@user{n} My bag is LOOOST again!! https://t.co/{n}") for n in range(10)]
    others = [_post(20, "the crew smiled"), _post(21, "seat broken once more")]
    chosen = choose([*copies, *others], 5)
    assert sorted(choice.copies for choice in chosen) == [1, 1, 10]


def test_a_post_stands_for_one_that_differs_by_a_word_when_both_are_scored_alike() -> None:
    posts = [
        _post(1, "lost my bag again in paris with this company today", 0.3),
        _post(2, "lost my bag again in paris with this company yesterday", 0.35),
        _post(3, "lost my bag again in paris with this company never", 0.9),
    ]
    assert sorted(choice.copies for choice in choose(posts, 5)) == [1, 2]


def test_the_words_of_many_posts_come_before_words_that_nobody_repeats() -> None:
    common = [_post(n, f"turbulence {word}") for n, word in enumerate(("landing", "storm", "cabin", "night", "wind"))]
    chosen = choose([_post(90, "zyzzyva qwertz"), *common], 6)
    assert chosen[-1].candidate.prediction_id == "p90"


def test_the_list_changes_subject_instead_of_exhausting_the_first() -> None:
    bags = [_post(n, f"bag lost {word}") for n, word in enumerate(("rome", "oslo", "lima", "cairo", "quito", "bonn"))]
    meals = [_post(10 + n, f"meal cold {word}") for n, word in enumerate(("rice", "soup", "bread"))]
    assert any(choice.candidate.text.startswith("meal") for choice in choose([*bags, *meals], 4))


@pytest.mark.parametrize(("posts", "count"), [([], 5), ([_post(1, "late")], 0)])
def test_nothing_is_chosen_from_nothing(posts: list[Candidate], count: int) -> None:
    assert choose(posts, count) == []


def test_posts_without_words_are_still_chosen_by_doubt() -> None:
    assert _ids(choose([_post(1, "!!!", 0.9), _post(2, "🙂", 0.5)], 2)) == ["p2", "p1"]


_CANDIDATES = st.lists(
    st.builds(
        Candidate,
        prediction_id=st.uuids().map(str),
        text=st.text(max_size=60) | st.sampled_from(["late again", "LATE again!", "so good", "flight late again"]),
        score=st.floats(0, 1),
        challenger_score=st.none() | st.floats(0, 1),
        disputes=st.integers(0, 5),
    ),
    max_size=30,
)


@given(_CANDIDATES, st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_every_candidate_is_chosen_once_at_most_and_priorities_never_rise(
    candidates: list[Candidate], count: int
) -> None:
    chosen = choose(candidates, count)
    assert chosen == choose(candidates, count)
    assert len(chosen) <= count
    assert len(set(_ids(chosen))) == len(chosen)
    assert sum(choice.copies for choice in chosen) <= len(candidates)
    priorities = [choice.priority for choice in chosen]
    assert all(0.0 <= one <= 1.0 for one in priorities)
    assert priorities == sorted(priorities, reverse=True)
    if count >= len(candidates):
        assert sum(choice.copies for choice in chosen) == len(candidates)
