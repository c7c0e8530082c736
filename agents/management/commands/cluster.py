"""`manage.py cluster`: what the supervisor runs while a schedule is enabled."""

from __future__ import annotations

import os
import traceback
from typing import Any

from django.core.management.base import BaseCommand

from agents.management import cluster


class Command(BaseCommand):
    """Keep the schedules' times until a polite signal."""

    help = (
        "Run the django-q2 cluster. The supervisor starts it when a schedule needs it."
    )

    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Work; after an error end at once, and leave the children to the supervisor.

        Python would wait for them first, and they do not hear it.
        """
        try:
            cluster.run()
        except Exception:
            traceback.print_exc()
            os._exit(1)
