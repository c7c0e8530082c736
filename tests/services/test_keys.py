"""Keys at rest: unreadable without the hub's secret key."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from agents.services import keys

KEY = "sk-at-rest-0123456789"


def test_a_key_is_read_back_and_does_not_show_in_what_is_stored() -> None:
    stored = keys.sealed(KEY)
    assert KEY not in stored and keys.opened(stored) == KEY
    assert keys.sealed(KEY) != stored, "equal keys do not look equal"


def test_no_key_is_nothing_at_all() -> None:
    assert keys.sealed("") == "" and keys.opened("") == ""


@pytest.mark.parametrize("spoil", ["x", ""])
def test_another_secret_key_or_a_changed_text_cannot_be_read(
    spoil: str, settings: Settings
) -> None:
    stored = keys.sealed(KEY)
    if spoil:
        stored = stored[:-4] + spoil * 4
    else:
        settings.SECRET_KEY = "another"
    with pytest.raises(keys.Unreadable, match="Set it again") as caught:
        keys.opened(stored)
    assert KEY not in str(caught.value)
