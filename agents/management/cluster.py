"""The django-q2 cluster as the supervisor runs it: ended by a signal to its group.

The stock cluster hangs then: its sentinel dies of the signal too, and the main process
waits for it for ever. Here the main process is the sentinel, and its children are deaf
to the polite signals, so that one process hears them and ends the others in order.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.cluster import Sentinel
from django_q.models import Schedule
from django_q.scheduler import scheduler

logger = logging.getLogger(__name__)

POLITE: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def run() -> None:
    """Keep the schedules' times until a polite signal comes."""
    Cluster()


class Ending:
    """The event that ends the cluster, in the form that django-q2 expects.

    A signal sets it, and so it has no lock that the interrupted thread might hold.
    """

    def __init__(self, between_rounds: Callable[[], None]) -> None:
        self._between_rounds = between_rounds
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._set = False

    def set(self, *_: object) -> None:
        """A signal's handler."""
        self._set = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._tell, b".")

    def is_set(self) -> bool:
        """Whether the end has begun."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Between two rounds of the sentinel: whether it is to end."""
        self._between_rounds()
        select.select([self._told], [], [], seconds)
        return self._set


class Cluster(Sentinel):  # type: ignore[misc]
    """A sentinel that is the process itself, and sees what is due within a second."""

    def __init__(self) -> None:
        self._ending = Ending(self._start_due)
        # It works in here, and returns when all has ended.
        super().__init__(self._ending, threading.Event(), uuid.uuid4(), get_broker())

    def start(self) -> None:
        """Sentinel has set the signals to what a child of a cluster needs."""
        for number in POLITE:
            signal.signal(number, self._ending.set)
        super().start()

    def spawn_process(self, target: Any, *args: Any) -> Any:
        """Children are born with the polite signals blocked, and never hear them."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, POLITE)
        try:
            return super().spawn_process(target, *args)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start_due(self) -> None:
        """The stock one looks every 30 s, and takes the write lock to look."""
        due = Schedule.objects.exclude(repeats=0).filter(next_run__lt=timezone.now())
        try:
            if due.exists():
                scheduler(broker=self.broker)
        except DatabaseError as error:
            logger.error("the schedules cannot be read: %s", error)
            connection.close()
