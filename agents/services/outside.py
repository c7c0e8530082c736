"""What is said where somebody wants of an agent from outside what only the hub's do."""

from __future__ import annotations


def refusal(name: str) -> str:
    """Why the hub cannot start, stop, restart or kill it."""
    return (
        f"{name} was started elsewhere and has registered itself: the hub can neither "
        f"start nor stop it. To end what it holds here, deregister it."
    )


def unneeded(names: str) -> str:
    """Why nobody can depend on them."""
    return (
        f"Nothing can depend on {names}: who was started elsewhere is not started here."
    )
