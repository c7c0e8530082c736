"""Rounds of barriers that end in time, though nobody looks at them."""

from __future__ import annotations

import pytest

from agents.models import Agent, Round
from agents.services import barriers
from tests.harness.supervisor import Supervisor
from tests.harness.waiting import until


@pytest.mark.django_db(transaction=True)
def test_a_round_whose_time_is_over_is_ended_by_the_supervisor(
    supervisor: Supervisor,
) -> None:
    web = Agent.objects.create(name="web", command=["x"])
    barriers.make("meet", 2, by="alice", timeout=0.5)
    barriers.arrive("meet", web.pk, None)
    until(lambda: Round.objects.get().state == "timed_out", what="the end of the round")
