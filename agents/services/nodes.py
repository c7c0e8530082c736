"""Nodes: which machine's supervisor is there, and what its silence means."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from agents.models import Agent, Node, StatusChange
from agents.policy.clock import boot_id, boot_seconds
from agents.policy.states import ALIVE, Status
from agents.services import changes, presence

LOCAL: Final = "local"
LEASE: Final = timedelta(seconds=15)
RENEW_EVERY: Final = 5.0
_SILENCE: Final = "no word from the node's supervisor"


def take(name: str, boot: str, pid: int) -> int:
    """This process now supervises the node; the new epoch."""
    now = timezone.now()
    # In one transaction: two that take it at once must not read the same epoch.
    with transaction.atomic():
        Node.objects.get_or_create(name=name)
        Node.objects.filter(name=name).update(
            boot_id=boot,
            pid=pid,
            epoch=F("epoch") + 1,
            last_seen=now,
            lease=now + LEASE,
            lease_boot_seconds=boot_seconds() + LEASE.total_seconds(),
        )
        return Node.objects.values_list("epoch", flat=True).get(name=name)


def renew(name: str, epoch: int) -> bool:
    """Say that the node is alive; False when another supervisor has taken it."""
    now = timezone.now()
    return bool(
        Node.objects.filter(name=name, epoch=epoch).update(
            last_seen=now,
            lease=now + LEASE,
            lease_boot_seconds=boot_seconds() + LEASE.total_seconds(),
        )
    )


def leave(name: str, epoch: int) -> None:
    """The supervisor ends on purpose: nobody need wait for its lease."""
    Node.objects.filter(name=name, epoch=epoch).update(
        pid=None, lease=None, lease_boot_seconds=None, last_seen=timezone.now()
    )


def is_heard(node: Node) -> bool:
    """Whether its supervisor was heard of within its lease.

    One that cannot renew its lease, because the database does not answer, says so in
    its lock, and takes that back after it has renewed. So a lease that was read
    before the lock was looked at may be old, and is read again.
    """
    if _within_lease(node) or presence.hardship(node.name) is not None:
        return True
    node.refresh_from_db(fields=["boot_id", "lease", "lease_boot_seconds"])
    return _within_lease(node)


def state(node: Node) -> str:
    """`present`, `degraded` (it waits for the database), `left` (it ended on purpose,
    or never came), or `silent`."""
    if presence.hardship(node.name) is not None:
        return "degraded"
    if node.lease is None:
        return "left"
    return "present" if is_heard(node) else "silent"


def _within_lease(node: Node) -> bool:
    """On its own machine the boot clock tells, so that a wall clock that is set an
    hour on silences nobody; another machine has only the wall clock."""
    if node.boot_id == boot_id() and node.lease_boot_seconds is not None:
        return node.lease_boot_seconds > boot_seconds()
    return node.lease is not None and node.lease > timezone.now()


def is_supervised(name: str = "local") -> bool:
    """Whether a supervisor of the node was heard of within its lease."""
    node = Node.objects.filter(name=name).first()
    return node is not None and is_heard(node)


def is_there(name: str) -> bool:
    """Whether the node's supervisor lives.

    Of this machine's, the lock tells the truth at once; a lease still holds for
    some seconds after a supervisor was killed.
    """
    return presence.is_held(name) if name == LOCAL else is_supervised(name)


def mark_silent() -> int:
    """Call agents *unknown* that were alive on a node whose lease has run out.

    A supervisor that left on purpose has left its agents running and said so;
    nobody watches them either, so they are unknown as well. How many changed.
    """
    if not _doubtful().exists():
        return 0  # Looked at often: only news is worth a lock.
    now = timezone.now()
    with transaction.atomic():
        # Again, now that nobody writes: a supervisor may have come back meanwhile.
        agents = list(_doubtful().select_for_update())
        Agent.every.filter(pk__in=[agent.pk for agent in agents]).update(
            status=Status.UNKNOWN,
            status_since=now,
            status_reason=_SILENCE,
            status_source="web",
        )
        StatusChange.objects.bulk_create(
            StatusChange(
                agent=agent,
                agent_name=agent.name,
                from_status=agent.status,
                to_status=Status.UNKNOWN,
                reason=_SILENCE,
                source="web",
                run_id=agent.run_id,
                at=now,
            )
            for agent in agents
        )
        changes.append(changes.SILENCE, [agent.pk for agent in agents])
    return len(agents)


def _doubtful() -> QuerySet[Agent]:
    """Agents that are called alive on a node that is not heard of."""
    taken = Node.objects.filter(epoch__gt=0)
    silent = [node.name for node in taken if not is_heard(node)]
    if not silent:
        return Agent.every.none()
    watched = [status.value for status in ALIVE - {Status.UNKNOWN}]
    return Agent.every.filter(node__in=silent, status__in=watched)
