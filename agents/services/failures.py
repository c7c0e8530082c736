"""How often somebody may fail to get in: buckets that fill again with time.

What may enter: limits, and whose bucket is whose. Counts are exact for any number of
processes: each is a conditional update of the row that was read. Blocking.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from agents.models import Failures

# Rows. An attacker chooses names and addresses, and shall not fill the disk with them.
MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures at once, and another one each time so many seconds passed."""

    most: int
    seconds: float

    def left(self, row: Failures, now: datetime) -> float:
        """How many failures are left now. A clock that was set back gives nothing."""
        passed = max(0.0, (now - row.at).total_seconds())
        return min(float(self.most), row.left + passed / self.seconds)

    def wait(self, left: float) -> int:
        """Seconds until there is one; 0 for none."""
        return max(0, math.ceil((1 - left) * self.seconds))


@dataclass(frozen=True, slots=True)
class Bucket:
    """Whose failures, and how many they may have."""

    who: str
    limit: Limit


# A name from one address: guessing gets nowhere, and nobody else can use it up for
# those who come from elsewhere.
SIGN_IN: Final = Limit(5, 180.0)
# One address, whatever the names: trying one password on everybody gets nowhere.
SIGN_IN_ADDRESS: Final = Limit(50, 30.0)
# A browser in which this person has signed in before.
SIGN_IN_KNOWN: Final = Limit(10, 60.0)
TOKEN: Final = Limit(30, 2.0)
# From then on every bucket is full, and a row says nothing any more.
FULL_AFTER: Final = timedelta(
    seconds=max(x.most * x.seconds for x in (SIGN_IN, SIGN_IN_ADDRESS, SIGN_IN_KNOWN))
)


def sign_in(name: str, address: str, browser: str = "") -> list[Bucket]:
    """What an attempt to sign in is counted in; `browser`: the mark of one that knows
    this person, which nobody else can use up."""
    if browser:
        return [Bucket(f"sign-in browser {browser}", SIGN_IN_KNOWN)]
    # Never the name itself: people type passwords there.
    hidden = salted_hmac("agents.services.failures", name).hexdigest()[:32]
    network = network_of(address)
    buckets = [Bucket(f"sign-in {hidden} from {network}", SIGN_IN)]
    if not _is_shared(address):
        buckets.append(Bucket(f"sign-in from {network}", SIGN_IN_ADDRESS))
    return buckets


def token_failed(address: str) -> int:
    """Count a token that let nobody in. 0: say so; else the seconds to wait, and
    nobody of this address needs to be answered more than that until then.

    Look at the token first: a good one is never refused for others' failures.
    """
    return take([Bucket(f"token from {network_of(address)}", TOKEN)])


def take(buckets: Sequence[Bucket]) -> int:
    """Count a failure in each; or, if one is empty, count nothing and return the
    seconds until it is not."""
    taken: list[Bucket] = []
    for bucket in buckets:
        if wait := _move(bucket, -1):
            give_back(taken)
            return wait
        taken.append(bucket)
    return 0


def give_back(buckets: Sequence[Bucket]) -> None:
    """It was no failure after all."""
    for bucket in buckets:
        _move(bucket, +1)


def forget(bucket: Bucket) -> None:
    """Whatever was counted here counts no more."""
    Failures.objects.filter(who=bucket.who).delete()


def network_of(address: str) -> str:
    """What one client can be expected to have: an address, or a /64 of IPv6."""
    found = _read(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return "unknown" if found is None else str(found)


def _is_shared(address: str) -> bool:
    """This machine's own: a proxy's, behind which is everybody."""
    found = _read(address)
    return found is None or found.is_loopback


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _move(bucket: Bucket, by: int) -> int:
    """Add to what is left; or the seconds to wait, if it would be less than nothing.

    Each failed try means that another one has been counted meanwhile.
    """
    limit = bucket.limit
    while True:
        now = timezone.now()
        row = Failures.objects.filter(who=bucket.who).first()
        if row is None:
            if by > 0 or _begin(bucket, now):
                return 0
            continue
        left = limit.left(row, now)
        if left + by < 0 and row.at <= now:
            return max(1, limit.wait(left))
        after = left if left + by < 0 else min(float(limit.most), left + by)
        same = Failures.objects.filter(pk=row.pk, left=row.left, at=row.at)
        if same.update(left=after, at=now):
            return 0 if left + by >= 0 else max(1, limit.wait(left))


def _begin(bucket: Bucket, now: datetime) -> bool:
    """The first row of its own; False if somebody else has just made it."""
    try:
        with transaction.atomic():
            _prune(now)
            Failures.objects.create(
                who=bucket.who, left=float(bucket.limit.most - 1), at=now
            )
    except IntegrityError:
        return False
    return True


def _prune(now: datetime) -> None:
    Failures.objects.filter(at__lt=now - FULL_AFTER).delete()
    if Failures.objects.count() >= MOST:
        oldest = Failures.objects.order_by("at").values("pk")[: MOST // 10]
        Failures.objects.filter(
            pk__in=list(oldest.values_list("pk", flat=True))
        ).delete()
