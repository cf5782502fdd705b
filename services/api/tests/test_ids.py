"""Prediction ids are UUIDs of version 7, unique, and sort by time."""

import uuid

from vigie_api.prediction.ids import IdSource


def test_ids_are_version_7_unique_and_in_time_order():
    source = IdSource()
    made = [source.next() for _ in range(2_000)]
    assert len(set(made)) == 2_000
    parsed = [uuid.UUID(one) for one in made]
    assert all(one.version == 7 and one.variant == uuid.RFC_4122 for one in parsed)
    assert [str(one) for one in parsed] == made
    stamps = [one.int >> 80 for one in parsed]
    assert stamps == sorted(stamps)
