"""The reach of a post is a whole number as JSON knows them: 5 and 5.0, but no text and no truth value."""

import pytest
from pydantic import ValidationError


@pytest.mark.parametrize(("said", "kept"), [(5, 5), (5.0, 5), (0, 0), (None, None)])
def test_a_whole_number_is_taken_however_json_writes_it(mention, said, kept):
    assert mention(reach=said).reach == kept


@pytest.mark.parametrize("said", [True, False, "5", 5.5, -1, 10**16])
def test_anything_else_is_refused(mention, said):
    with pytest.raises(ValidationError, match="reach"):
        mention(reach=said)
