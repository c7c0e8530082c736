"""An agent for tests: `python -I -S program.py MODE [ARGUMENT…]`, stdlib only.

Every process it starts appends `<who> <pid>` to the file named by MARKER, so that a
test can count incarnations and knows each pid without asking the product.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
import zlib
from collections.abc import Callable

MARKER = os.environ.get("MARKER", "")


def note(who: str, path: str = MARKER) -> None:
    """One line, appended in one write."""
    if path:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"{who} {os.getpid()}\n".encode())
        os.close(descriptor)


def say(*words: object) -> None:
    print(*words, flush=True)


def wait_for_ever() -> None:
    while True:
        signal.pause()


def ignore_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def child(who: str, *before: Callable[[], object]) -> None:
    """Fork a process that waits for ever; return once it is ready to be met."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        for prepare in before:
            prepare()
        note(who)
        os.write(writing, b".")
        os.close(reading)
        os.close(writing)
        wait_for_ever()
    os.close(writing)
    assert os.read(reading, 1), "the child has failed"
    os.close(reading)


def wait(*words: str) -> None:
    """Say something and wait for a signal."""
    say("ready", *words)
    wait_for_ever()


def echo(every: str = "0.02") -> None:
    """Number lines on both streams, for ever."""
    number = 0
    while True:
        number += 1
        say("line", number)
        print("trouble", number, file=sys.stderr, flush=True)
        time.sleep(float(every))


def end(code: str = "0", after: str = "0") -> None:
    """Exit with a code after some seconds."""
    time.sleep(float(after))
    sys.exit(int(code))


def end_when(path: str, code: str) -> None:
    """Number lines; exit with a code once the file is there."""
    number = 0
    while not os.path.exists(path):
        number += 1
        say("line", number)
        time.sleep(0.02)
    sys.exit(int(code))


def slow(seconds: str) -> None:
    """Take this long to end when asked."""

    def leave(*_: object) -> None:
        note("asked")
        time.sleep(float(seconds))
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    wait()


def stubborn() -> None:
    """Ignore TERM."""
    ignore_term()
    wait()


def stubborn_child() -> None:
    """Leave on TERM; a child in the same group does not."""
    child("child", ignore_term)
    wait()


def setsid_child() -> None:
    """A child in a session of its own, as coding CLIs start their tools."""
    child("child", os.setsid)
    wait()


def shy_child() -> None:
    """A child in its own session that notes when it is asked to end."""

    def hear() -> None:
        def leave(*_: object) -> None:
            note("asked")
            sys.exit(0)

        os.setsid()
        signal.signal(signal.SIGTERM, leave)

    child("child", hear)
    wait()


def daemon() -> None:
    """A daemon as hidden as can be: forked twice, setsid, empty environment."""
    _daemonize()
    wait()


def leave_daemon(code: str) -> None:
    """Start such a daemon and exit: it outlives its parent."""
    _daemonize()
    sys.exit(int(code))


def leave_child(code: str) -> None:
    """Start a child in its own session and exit with a code."""
    child("child", os.setsid)
    sys.exit(int(code))


def short_daemons(count: str) -> None:
    """Start daemons that end at once, and live on."""
    for _ in range(int(count)):
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                note("daemon")
                time.sleep(0.05)
            os._exit(0)
        os.wait()
    wait()


def _daemonize() -> None:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.set_inheritable(writing, True)
            # So that its word does not break should the parent have been killed.
            os.set_inheritable(reading, True)
            itself = [sys.executable, "-I", "-S", __file__]
            arguments = ["hidden", MARKER, str(writing)]
            os.execve(sys.executable, [*itself, *arguments], {})
        os._exit(0)
    os.wait()
    os.read(reading, 1)


def hidden(marker: str, ready: str) -> None:
    """The daemon itself."""
    note("daemon", marker)
    os.write(int(ready), b".")
    os.close(int(ready))
    wait_for_ever()


def flood(lines: str) -> None:
    """So many numbered lines as fast as the file takes them."""
    for number in range(1, int(lines) + 1):
        sys.stdout.write(f"line {number}\n")
    sys.stdout.flush()
    wait()


def long_line(megabytes: str) -> None:
    """One line of so many MiB, in writes of an odd length, and no newline."""
    piece = b"0123456789" * 6553 + b"abc"
    left = int(megabytes) << 20
    while left:
        left -= os.write(1, piece[:left])
    note("written")
    wait_for_ever()


def mess(rounds: str) -> None:
    """What no reader likes: torn and invalid UTF-8, NUL, colours, progress bars."""
    for number in range(int(rounds)):
        for piece in (
            b"\xe2",
            b"\x82",
            b"\xac torn \xff\xfe wrong\n",
            b"\0\0 nul \x1b[31mred\x1b[0m\n",
            b"   0 %\r",
            b"  50 %\r",
            b" 100 %% of %d\n" % number,
        ):
            os.write(1, piece)
            time.sleep(0.0005)  # So that a reader finds it torn.
    note("written")
    wait_for_ever()


def careless() -> None:
    """Number lines for ever, whether they can be written or not."""
    number = 0
    while True:
        number += 1
        try:
            os.write(1, b"line %d %s\n" % (number, b"." * 500))
        except OSError:
            note("unwritten")
        time.sleep(0.02)


def silent() -> None:
    """Say nothing at all."""
    wait_for_ever()


def spin() -> None:
    """Use all of a core."""
    while True:
        pass


def grow(mebibytes: str = "4") -> None:
    """Take so much more memory, and use it, five times a second."""
    taken = []
    while True:
        taken.append(bytearray(b"x") * (int(mebibytes) << 20))
        time.sleep(0.2)


def deaf(*descriptors: str) -> None:
    """Close these standard streams, or all, and go on."""
    for descriptor in descriptors or "012":
        os.close(int(descriptor))
    note("deaf")
    wait_for_ever()


def inheritance() -> None:
    """Tell what was given: descriptors and the run's id."""
    # The listing's own descriptor is gone when each is looked at.
    open_ones = [fd for fd in os.listdir("/proc/self/fd") if _is_open(int(fd))]
    say("fds", *sorted(open_ones))
    say("run", os.environ.get("AGENTHUB_RUN", "none"))
    say("ready")
    wait_for_ever()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def tool_step() -> None:
    """Silent itself, while a tool in a session of its own works hard for ever."""

    def work() -> None:
        os.setsid()
        note("tool")
        while True:
            pass

    say("ready")
    if os.fork() == 0:
        work()
    wait_for_ever()


def beat(path: str, until: str = "") -> None:
    """Say nothing and touch a file, until another one is there."""
    say("ready")
    while not (until and os.path.exists(until)):
        with open(path, "w"):
            pass
        time.sleep(0.1)
    wait_for_ever()


def swell(mebibytes: str, when: str = "") -> None:
    """Take so much memory at once, once a file is there."""
    say("ready")
    while when and not os.path.exists(when):
        time.sleep(0.02)
    taken = bytearray(b"x") * (int(mebibytes) << 20)
    note("swollen")
    wait_for_ever()
    del taken


def listen() -> None:
    """Repeat what comes on the standard input; tell when that ends."""
    say("ready")
    for line in sys.stdin:
        say("heard", line.strip())
    say("end of input")
    wait_for_ever()


# How a mortal diarist may end by itself: exit codes, and signals as 128 and theirs.
ENDS = (0, 0, 1, 3, 42, 255, 128 + signal.SIGKILL, 128 + signal.SIGUSR1)
POLITE_END = 77


def diarist(folder: str, seed: str, longest: str, *habits: str) -> None:
    """Number lines on both streams; keep an account that outlives a lost hub.

    FOLDER/<run id> tells how many lines were written, then with which code it ends
    by itself. FOLDER/lock is held by it and all it starts: who finds it held is a
    twin, and notes so. Habits: family, stubborn_family, daemon (whom it starts),
    stubborn, polite (what it does on TERM), mortal (ends within `longest` seconds).
    """
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("twin")
    chance = zlib.crc32(f"{seed} {len(os.listdir(folder))}".encode())
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    page = os.open(f"{folder}/{os.environ['AGENTHUB_RUN']}", flags, 0o600)
    os.pwrite(page, b"%09d" % 0, 0)

    def leave(code: int) -> None:
        ignore_term()
        os.pwrite(page, b" %03d" % code, 9)
        if code > 128 and code != 255:
            os.kill(os.getpid(), code - 128)
        os._exit(code)

    if "family" in habits:
        child("child", os.setsid)
    if "stubborn_family" in habits:
        child("child", os.setsid, ignore_term)
    if "daemon" in habits:
        _daemonize()
    if "stubborn" in habits:
        ignore_term()
    if "polite" in habits:
        signal.signal(signal.SIGTERM, lambda *_: leave(POLITE_END))
    life = float(longest) * (chance % 1000) / 1000 if "mortal" in habits else 1e9
    end, number = time.monotonic() + life, 0
    while True:
        number += 1
        os.write(1, b"line %d\n" % number)
        os.write(2, b"line %d\n" % number)
        os.pwrite(page, b"%09d" % number, 0)
        if time.monotonic() >= end:
            leave(ENDS[chance // 1000 % len(ENDS)])
        time.sleep(0.02)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    if mode != "hidden":
        note("leader")
    globals()[mode](*arguments)
