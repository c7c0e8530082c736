"""What a new hub needs: groups, an administrator and, if wanted, demo agents."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from agents.models import Agent, GroupGrant, Provider, Request
from agents.policy.states import Action
from agents.services import lifecycle, setups
from agents.services.lifecycle import Asker
from agents.services.permissions import GROUPS

ADMIN: Final = "admin"
# Letters that are not mistaken for each other when read from a terminal.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


def make_groups() -> None:
    """The groups for viewers, operators, configurators and command authors.

    What is new in them since the last start is given to those that are there. What was
    given before is not given again: who took it away, or deleted the group, meant it.
    """
    for name, permissions in GROUPS.items():
        with transaction.atomic():
            _make_group(name, permissions)


def _make_group(name: str, permissions: Sequence[str]) -> None:
    given = set(
        GroupGrant.objects.filter(group=name).values_list("permission", flat=True)
    )
    group = Group.objects.filter(name=name).first()
    fresh = [one for one in permissions if one not in given]
    if not fresh or (group is None and given):
        return
    if group is None:
        group = Group.objects.create(name=name)
    group.permissions.add(*(_permission(one) for one in fresh))
    GroupGrant.objects.bulk_create(
        GroupGrant(group=name, permission=one) for one in fresh
    )


def _permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def make_admin(password: str) -> str | None:
    """Make the first administrator; the password to print, if one was made up.

    Does nothing when there is any user already.
    """
    users = get_user_model().objects
    with transaction.atomic():
        if users.exists():
            return None
        chosen = password or "".join(secrets.choice(_LETTERS) for _ in range(16))
        users.create_superuser(username=ADMIN, email="", password=chosen)
    return None if password else chosen


def _python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


DEMO: Final[list[dict[str, Any]]] = [
    {
        "name": "demo-chatty",
        "role": "Says something every second",
        "labels": {"demo": "yes"},
        "command": _python(
            "import itertools, time\n"
            "colours = [32, 33, 34, 35, 36]\n"
            "for n in itertools.count(1):\n"
            "    c = colours[n % 5]\n"
            "    print(f'\\x1b[{c}mstep {n}\\x1b[0m: thinking about it', flush=True)\n"
            "    time.sleep(1)\n"
        ),
    },
    {
        "name": "demo-crashing",
        "role": "Fails now and then, and is restarted",
        "labels": {"demo": "yes"},
        "command": _python(
            "import random, sys, time\n"
            "seconds = random.randint(20, 60)\n"
            "print(f'working for {seconds} s', flush=True)\n"
            "time.sleep(seconds)\n"
            "sys.exit('something went wrong, as it does')\n"
        ),
        "max_restarts": None,
        "backoff_initial": 2.0,
    },
    {
        "name": "demo-web",
        "role": "A small web server on a free port",
        "labels": {"demo": "yes", "serves": "http"},
        "command": [
            sys.executable,
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
        ],
        "stop_signal": "INT",
    },
    {
        "name": "demo-assistant",
        "kind": "native_llm",
        "role": "Rehearses native agents: scripted, offline, no model",
        "labels": {"demo": "yes"},
        "provider": "demo",
    },
]


def make_demo() -> int:
    """Make and start the demo agents, all or none; how many.

    Not where there is an agent or ever was one: who deleted the demo meant it.
    """
    with transaction.atomic():
        if Agent.objects.exists() or Request.objects.exists():
            return 0
        Provider.objects.get_or_create(name="demo", defaults={"kind": "demo"})
        made = [Agent(**values) for values in DEMO]
        for agent in made:
            setups.save(agent)
        lifecycle.ask(
            Action.START,
            [agent.pk for agent in made],
            Asker("hub", "first start", "the demo"),
        )
    return len(made)
