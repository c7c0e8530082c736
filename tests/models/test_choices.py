"""The words in the tables are the words of the rules: two lists that must agree."""

from __future__ import annotations

from enum import StrEnum

import pytest
from django.db import models

from agents.models import choices
from agents.policy import restart, states


@pytest.mark.parametrize(
    ("in_tables", "in_rules"),
    [
        (choices.StatusChoice, states.Status),
        (choices.DesiredChoice, states.Desired),
        (choices.ActionChoice, states.Action),
        (choices.Outcome, states.Outcome),
        (choices.AutoRestart, restart.Mode),
    ],
)
def test_tables_and_rules_use_the_same_words(
    in_tables: type[models.TextChoices], in_rules: type[StrEnum]
) -> None:
    assert in_tables.values == [word.value for word in in_rules]
    assert in_tables.names == [word.name for word in in_rules]


@pytest.mark.parametrize(
    "words",
    [
        choices.Kind,
        choices.Adapter,
        choices.Stdin,
        choices.AutoRestart,
        choices.StatusChoice,
        choices.DesiredChoice,
        choices.ActionChoice,
        choices.Outcome,
    ],
)
def test_every_word_has_a_label_for_people(words: type[models.TextChoices]) -> None:
    labels = [str(label) for label in words.labels]
    assert all(label and label[0].isupper() for label in labels)
    assert len(set(labels)) == len(labels)
