"""No column of the database is unknown to `forget`: a new one must say what it may hold."""

from sqlalchemy import JSON, LargeBinary, String

import vigie_api.app  # noqa: F401 - brings every table
from vigie_api.database.schema import metadata
from vigie_api.privacy.places import DOCUMENTS, NO_TEXT, POSTS, WORDS, key_of


def _wordy() -> set[tuple[str, str]]:
    kinds = (String, JSON, LargeBinary)
    return {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, kinds)
    }


def _classified() -> list[tuple[str, str]]:
    known = [posts.text for posts in POSTS] + [words.column for words in WORDS] + list(DOCUMENTS)
    silent = [(table, column) for table, columns in NO_TEXT.items() for column in columns]
    return silent + [(column.table.name, column.name) for column in known]


def test_every_column_that_can_hold_words_is_classified_once():
    classified = _classified()
    assert sorted(_wordy() - set(classified)) == [], "new columns: add them to vigie_api/privacy/places.py"
    assert sorted(set(classified) - _wordy()) == []
    assert len(classified) == len(set(classified))


def test_what_is_read_along_a_key_has_one():
    for words in WORDS:
        assert words.key.primary_key
    for column in DOCUMENTS:
        assert key_of(column.table).primary_key
    for posts in POSTS:
        assert posts.key.primary_key
        assert not any(
            column.table is other.table
            for column in posts.removed_by
            for other in posts.removed_by
            if column is not other
        )
