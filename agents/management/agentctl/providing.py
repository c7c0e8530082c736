"""`agents providers|provider`: whom native agents ask, their keys, and tests.

A key comes from a file or stdin, never from the line: others read that with `ps`.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError

from agents.management.agentctl.terminal import ROOMY, Column, Terminal
from agents.management.agentctl.wording import age, clock
from agents.models import Provider
from agents.policy.endpoint import BASE_URLS, KEYED, LONGEST_KEY
from agents.services import provider_checks, providers
from agents.services.figures import NOTHING
from agents.services.shapes import provider_shape

COLUMNS: Final = (
    Column("Provider"),
    Column("Kind"),
    Column("Key"),
    Column("Default model", least_width=ROOMY),
    Column("Address", least_width=ROOMY),
    Column("Last test", fold=True),
)


class Misfit(ValueError):
    """What the line asks for cannot be done; the message says why."""


def show_providers(options: Mapping[str, Any], terminal: Terminal) -> int:
    """All providers in a table."""
    found = list(Provider.objects.order_by("name"))
    if terminal.as_json:
        terminal.json([provider_shape(one) for one in found])
    elif found:
        terminal.table(COLUMNS, [_row(one) for one in found])
    else:
        terminal.note(
            "There are no providers. Make one: manage.py agents provider NAME --kind …"
        )
    return 0


def change_provider(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Make or change one, test it if that is wanted, and show it; the exit code."""
    try:
        provider = _changed(options)
    except Misfit as error:
        terminal.note(str(error))
        return 1
    except ValidationError as error:
        for field, problems in error.message_dict.items():
            for problem in problems:
                terminal.note(f"{options['name']}: {field}: {problem}")
        return 1
    code = 0
    if options["test"]:
        code = 0 if _tested(provider) else 1
        provider.refresh_from_db()
    if terminal.as_json:
        terminal.json(provider_shape(provider))
    else:
        _say(provider, terminal)
    return code


def _changed(options: Mapping[str, Any]) -> Provider:
    """The provider as the line wants it; raises Misfit or ValidationError."""
    name = options["name"]
    provider = Provider.objects.filter(name=name).first()
    if provider is None:
        if options["kind"] is None:
            raise Misfit(f"{providers.unknown(name)} To make it, give --kind too.")
        provider = Provider(name=name, kind=options["kind"])
    elif options["kind"] not in (None, provider.kind):
        raise Misfit(
            f"{name} is of the kind {provider.kind}, and a provider's kind never "
            "changes. Make another one."
        )
    wanted = {field: options[field] for field in ("base_url", "default_model")}
    given = {field: value for field, value in wanted.items() if value is not None}
    key = _key(options)
    if provider.pk is None or given or key is not None:
        for field, value in given.items():
            setattr(provider, field, value.strip())
        providers.save(provider, key)
    return provider


def _key(options: Mapping[str, Any]) -> str | None:
    if options["remove_key"]:
        return ""
    source = options["key_from"]
    if source is None:
        return None
    try:
        text = _read(source)
    except OSError as error:
        # Not its name: somebody may have given the key itself.
        reason = error.strerror or type(error).__name__
        raise Misfit(f"The file of the key cannot be read: {reason}.") from None
    except UnicodeDecodeError:
        raise Misfit("The file holds no key: it is not text.") from None
    if not text.strip():
        raise Misfit("The file is empty. To have no key, give --remove-key.")
    return text.strip()


def _read(source: str) -> str:
    if source != "-":
        with open(source, "rb") as file:
            return file.read(2 * LONGEST_KEY).decode()
    if sys.stdin.isatty():
        return getpass.getpass("Key (it is not shown): ")
    return sys.stdin.buffer.read(2 * LONGEST_KEY).decode()


def _tested(provider: Provider) -> bool:
    """Test it here and now, and write down what came of it."""
    # The engine is loaded only when it is asked.
    from agents.execution.bridge import Bridge
    from agents.execution.checking import checked_now

    async def test() -> bool:
        bridge = Bridge()
        bridge.give_up = True
        try:
            checked = await checked_now(provider.name, bridge.call)
            await bridge.call(provider_checks.save, provider.name, checked, None)
        finally:
            await bridge.close()
        return checked.ok

    return asyncio.run(test())


def _row(provider: Provider) -> list[str]:
    return [
        provider.name,
        provider.kind,
        _key_in_words(provider),
        provider.default_model or NOTHING,
        _address_in_words(provider),
        _test_in_words(provider),
    ]


def _key_in_words(provider: Provider) -> str:
    source = providers.key_is_from(provider)
    if source == "row":
        readable = providers.has_readable_key(provider)
        return "set" if readable else "unreadable: set it again"
    if source:
        return f"from {source}"
    return "none" if provider.kind in KEYED else NOTHING


def _address_in_words(provider: Provider) -> str:
    source = providers.address_is_from(provider)
    if source == "row":
        return provider.base_url
    if source:
        return f"from {source}"
    return NOTHING if provider.kind == "demo" else BASE_URLS.get(provider.kind, NOTHING)


def _test_in_words(provider: Provider) -> str:
    if provider.checked_at is None:
        return "waits for a hub" if provider.check_asked_at else "never"
    word = "well" if provider.check_ok else "fails"
    return f"{word}, {age(provider.checked_at)} ago: {provider.check_detail}"


def _say(provider: Provider, terminal: Terminal) -> None:
    most = provider.max_concurrent
    pairs = [
        ("kind", provider.get_kind_display()),
        ("key", _key_in_words(provider)),
        ("address", _address_in_words(provider)),
        ("default model", provider.default_model or NOTHING),
        ("requests at once", "no limit" if most is None else str(most)),
        ("agents", ", ".join(providers.users_of(provider)) or NOTHING),
        ("last test", _test_in_words(provider)),
    ]
    if provider.checked_at is not None:
        pairs.append(("tested at", f"{clock(provider.checked_at)} UTC"))
    if provider.known_models:
        pairs.append(("models", ", ".join(provider.known_models)))
    width = max(len(key) for key, _ in pairs)
    terminal.say(provider.name)
    for key, value in pairs:
        terminal.say(f"  {key.ljust(width)}  {value}")
