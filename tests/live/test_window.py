"""What is on its way to a program: bounded by number, by length and by time."""

from __future__ import annotations

from agents.live.window import MOST_MESSAGES, MOST_TEXT, PATIENCE, Window


def test_it_is_full_of_many_messages_until_they_are_acknowledged() -> None:
    window = Window()
    for seq in range(1, MOST_MESSAGES + 1):
        assert not window.full
        window.send(seq, 10, 0.0)
    assert window.full
    assert window.acknowledge(1)
    assert not window.full


def test_it_is_full_of_one_that_is_very_long() -> None:
    window = Window()
    window.send(5, MOST_TEXT, 0.0)
    assert window.full
    assert window.acknowledge(5)
    assert not window.full


def test_an_acknowledgement_is_for_all_that_came_before() -> None:
    window = Window()
    for seq in (3, 3, 4, 7):
        window.send(seq, 1, float(seq))
    assert window.acknowledge(4)
    assert window.patience_until == 7.0 + PATIENCE
    assert window.acknowledge(7)
    assert window.patience_until is None


def test_patience_ends_with_the_oldest_message() -> None:
    window = Window()
    assert window.patience_until is None
    window.send(1, 1, 100.0)
    window.send(2, 1, 101.0)
    assert window.patience_until == 100.0 + PATIENCE


def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    window = Window()
    assert not window.acknowledge(1)
    window.send(1, 1, 0.0)
    assert not window.acknowledge(2)
    assert window.acknowledge(1)
    assert window.acknowledge(1), "twice does no harm"
