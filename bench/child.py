"""The agent where there is no C compiler: `python -I -S child.py FIFO INDEX MODE …`.

What it does is said in child.c.
"""

from __future__ import annotations

import os
import signal
import sys

BLOCK = b"".join(
    b"\n" if i % 64 == 63 else bytes([ord("0") + (i // 64) % 64]) for i in range(65536)
)
PIECE = 4096


def say(fifo: str, what: str, index: str) -> None:
    """One line, unless nobody listens."""
    try:
        file = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    os.write(file, f"{what}{index} {os.getpid()}\n".encode())
    os.close(file)


def write_out(count: int) -> None:
    """So many bytes to the standard output."""
    at = 0
    while at < count:
        offset = at % len(BLOCK)
        end = min(offset + PIECE - offset % PIECE, offset + count - at)
        at += os.write(1, BLOCK[offset:end])


def main(fifo: str, index: str, mode: str, count: str = "0") -> int:
    """The agent's life; its exit code."""
    go = {signal.SIGUSR1}
    if int(count):
        signal.pthread_sigmask(signal.SIG_BLOCK, go)
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(fifo, "+", index)
    if mode == "fail":
        return 1
    while int(count):
        signal.sigwait(go)
        write_out(int(count))
        say(fifo, "-", index)
        if mode == "burst":
            return 0
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
