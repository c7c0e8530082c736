"""Buckets of failures: they fill with time, lose no count, and do not grow for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from agents.models import Failures
from agents.services import failures
from agents.services.failures import Bucket, Limit

ROOT = Path(__file__).resolve().parents[2]
FEW = Bucket("a test", Limit(3, 60.0))


def later(seconds: float) -> None:
    """As if the last failures were so long ago."""
    Failures.objects.update(at=F("at") - timedelta(seconds=seconds))


def test_after_the_last_one_is_waited_for_the_next(db: None) -> None:
    assert [failures.take([FEW]) for _ in range(3)] == [0, 0, 0]
    assert 58 <= failures.take([FEW]) <= 60
    later(30)
    assert 28 <= failures.take([FEW]) <= 30
    later(31)
    assert failures.take([FEW]) == 0
    assert failures.take([FEW]) > 0


def test_asking_while_it_is_empty_makes_nobody_wait_longer(db: None) -> None:
    for _ in range(20):
        failures.take([FEW])
    later(61)
    assert failures.take([FEW]) == 0


def test_it_holds_no_more_than_it_may_however_long_nobody_failed(db: None) -> None:
    failures.take([FEW])
    later(1e6)
    assert [bool(failures.take([FEW])) for _ in range(4)] == [False] * 3 + [True]


def test_what_was_no_failure_is_given_back_and_no_more(db: None) -> None:
    for _ in range(20):
        assert failures.take([FEW]) == 0
        failures.give_back([FEW])
    failures.give_back([FEW])
    assert [bool(failures.take([FEW])) for _ in range(4)] == [False] * 3 + [True]


def test_of_several_an_empty_one_costs_the_others_nothing(db: None) -> None:
    other = Bucket("another", Limit(5, 60.0))
    for _ in range(9):
        failures.take([other, FEW])
    assert [bool(failures.take([other])) for _ in range(3)] == [False, False, True]


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer(db: None) -> None:
    for _ in range(3):
        failures.take([FEW])
    later(-86_400)
    assert failures.take([FEW]) <= 60
    later(61)
    assert failures.take([FEW]) == 0


def test_four_processes_lose_no_count(transactional_db: None) -> None:
    source = (
        "import django; django.setup()\n"
        "from agents.services.failures import Bucket, Limit, take\n"
        "shared = Bucket('shared', Limit(100, 1e9))\n"
        "print('ready', flush=True); input()\n"
        "print(sum(take([shared]) == 0 for _ in range(40)))\n"
    )
    environment = {
        **os.environ,
        "AGENTHUB_DATA_DIR": str(settings.AGENTHUB_DATA_DIR),
        "DATABASE_URL": f"sqlite:///{settings.DATABASES['default']['NAME']}",
        "DJANGO_SETTINGS_MODULE": "agenthub.settings",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", source],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    counted = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(counted) == 100
    assert len([n for n in counted if n]) >= 3, "they were at it together"
    assert Failures.objects.get().left < 1


def test_the_table_is_bounded_and_forgets_what_says_nothing(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "MOST", 50)
    for number in range(200):
        failures.take([Bucket(f"number {number}", FEW.limit)])
    assert 40 <= Failures.objects.count() <= 50
    assert Failures.objects.filter(who="number 199").exists()
    later(failures.FULL_AFTER.total_seconds() + 1)
    failures.take([FEW])
    assert [row.who for row in Failures.objects.all()] == ["a test"]


def test_a_name_is_kept_as_a_hash_and_counted_by_where_it_is_from(db: None) -> None:
    """People type passwords where their name belongs."""
    one = failures.sign_in("open sesame", "203.0.113.7")
    assert [bucket.who for bucket in one][1:] == ["sign-in from 203.0.113.7"]
    assert not any("sesame" in bucket.who for bucket in one)
    other = failures.sign_in("open sesame", "203.0.113.8")
    assert {b.who for b in one}.isdisjoint(b.who for b in other)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("a socket", "unknown"),
    ],
)
def test_a_client_is_what_one_can_be_expected_to_have(
    address: str, network: str
) -> None:
    assert failures.network_of(address) == network


@pytest.mark.parametrize("shared", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_what_everybody_behind_a_proxy_shares_is_not_limited_for_all(
    shared: str,
) -> None:
    assert len(failures.sign_in("sam", shared)) == 1
    assert len(failures.sign_in("sam", "192.0.2.1")) == 2


def test_wrong_tokens_of_an_address_are_counted_and_then_told_to_wait(
    db: None,
) -> None:
    begun = timezone.now()
    waits = [failures.token_failed("192.0.2.1") for _ in range(failures.TOKEN.most)]
    assert set(waits) == {0}
    spare = (timezone.now() - begun).total_seconds() / failures.TOKEN.seconds
    rest = [failures.token_failed("192.0.2.1") for _ in range(int(spare) + 2)]
    assert rest[-1] in (1, 2)
    assert failures.token_failed("192.0.2.2") == 0
