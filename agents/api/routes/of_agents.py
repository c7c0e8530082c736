"""The one router of agents: an address that knows two methods belongs to one router.

What may enter: nothing else. Modules whose addresses are shared take it from here.
"""

from __future__ import annotations

from typing import Final

from ninja import Router

router: Final = Router()
