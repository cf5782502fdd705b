import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from vigie_trainer.data.rows import Posts, SetAside, text_key
from vigie_trainer.data.splitting import sample, split
from vigie_trainer.errors import Misuse


def posts(texts: list[str], labels: list[int] | None = None, name: str = "t") -> Posts:
    chosen = labels if labels is not None else [at % 2 for at in range(len(texts))]
    return Posts(
        name, texts, chosen, list(range(2, len(texts) + 2)), SetAside(), {"id": [f"0{at}" for at in range(len(texts))]}
    )


def test_the_split_is_that_of_the_published_protocol() -> None:
    texts = [f"text {at}" for at in range(50)]
    train, test = train_test_split(texts, test_size=0.2, random_state=42)
    sides = split(posts(texts))
    assert sides.train.texts == train
    assert sides.test.texts == test
    assert [texts[line - 2] for line in sides.test.lines] == test


def test_train_rows_whose_text_is_held_out_are_removed_and_counted() -> None:
    texts = [f"text {at}" for at in range(40)]
    held_out = split(posts(texts)).test.texts
    doubled = texts.copy()
    victim = texts.index(split(posts(texts)).train.texts[0])
    doubled[victim] = held_out[0].upper()
    sides = split(posts(doubled))
    assert sides.duplicates_removed == 1
    assert sides.test.texts == held_out


def test_extra_rows_go_to_the_train_side_only_less_those_that_are_held_out() -> None:
    base = posts([f"text {at}" for at in range(40)])
    alone = split(base)
    extra = posts([*alone.test.texts[:3], "new one", "new two"], name="extra")
    sides = split(base, [extra])
    assert sides.test.digest == alone.test.digest
    assert (sides.extra_used, sides.extra_duplicates) == (2, 3)
    assert sides.train.texts == [*alone.train.texts, "new one", "new two"]


@pytest.mark.parametrize(("labels", "only"), [([1] * 20, "positive"), ([0] * 20, "negative")])
def test_one_class_to_train_on_is_misuse(labels: list[int], only: str) -> None:
    with pytest.raises(Misuse, match=f"only {only}"):
        split(posts([str(at) for at in range(20)], labels))


def test_too_few_rows_are_misuse() -> None:
    with pytest.raises(Misuse, match="at least 10"):
        split(posts([str(at) for at in range(9)]))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.sampled_from([f"Text {at}" for at in range(30)] + [f"tEXT  {at}" for at in range(30)]),
        min_size=40,
        max_size=80,
    )
)
def test_no_text_is_ever_on_both_sides(texts: list[str]) -> None:
    # The two classes are told apart by texts that come once.
    sides = split(posts([*texts, *(f"once {at}" for at in range(60))]))
    held_out = {text_key(text) for text in sides.test.texts}
    assert not held_out & {text_key(text) for text in sides.train.texts}
    assert len(sides.train.texts) + sides.duplicates_removed + len(sides.test.texts) == len(texts) + 60


def test_a_sample_keeps_file_order_and_is_the_same_every_time() -> None:
    whole = posts([f"text {at}" for at in range(100)])
    part = sample(whole, 30)
    assert part.lines == sorted(part.lines)
    assert part.digest == sample(whole, 30).digest
    assert part.columns["id"] == [f"0{line - 2}" for line in part.lines]
    assert part.name == "t (sample of 30)"
    assert sample(whole, 100) is whole
    assert np.isin(part.lines, whole.lines).all()
