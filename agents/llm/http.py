"""How all clients use HTTP: their timeouts, and no redirects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


def timeouts() -> httpx2.Timeout:
    """Seconds. Silence is the attempt's business; `read` is only its backstop."""
    import httpx2

    return httpx2.Timeout(connect=10.0, read=900.0, write=60.0, pool=60.0)


# A redirect to another host would be sent the key: clients drop `Authorization` then,
# but not a vendor's own header.
FOLLOW_REDIRECTS = False
