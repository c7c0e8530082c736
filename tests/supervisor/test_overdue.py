"""What ends in time, though nobody looks at it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents.models import Agent, LockClaim, Round
from agents.policy.lock_queue import Mode
from agents.services import barriers, locks, registry, tokens
from agents.services.locks import LEASE, Wanted
from tests.harness.outside import registered, silent_for
from tests.harness.supervisor import Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_round_whose_time_is_over_is_ended_by_the_supervisor(
    supervisor: Supervisor,
) -> None:
    web = Agent.objects.create(name="web", command=["x"])
    barriers.make("meet", 2, by="alice", timeout=0.5)
    barriers.arrive("meet", web.pk, None)
    until(lambda: Round.objects.get().state == "timed_out", what="the end of the round")


def test_a_lock_whose_lease_is_over_goes_to_who_waits_though_nobody_asks(
    supervisor: Supervisor, bob: User
) -> None:
    far = registered("far", bob)
    web = Agent.objects.create(name="web", command=["x"])
    theirs = Wanted("/w", ("a",), Mode.EXCLUSIVE, far.agent.pk, far.run.pk, lease=LEASE)
    assert locks.ask(theirs, wait=False).held
    waits = locks.ask(Wanted("/w", ("a",), Mode.EXCLUSIVE, web.pk), wait=True)
    assert not waits.held
    silent_for(far.run, LEASE + 1)
    until(
        lambda: LockClaim.objects.get(agent=web).state == "held",
        what="the lock to be granted",
    )
    # No supervisor can end it, which the fixture would wait for.
    assert registry.deregister(far.agent.pk, tokens.of_user(bob))
