"""`python -m bench`: measure, print tables with ratios, say which targets held."""

from __future__ import annotations

import argparse
import contextlib
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import contestants, page, session
from bench.build import build
from bench.fleet import Plan


def options(words: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    names = session.NAMES
    others = [name for name in contestants.MAKERS if name != contestants.OURS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="MEASUREMENT",
        help=f"of {', '.join(names)}",
    )  # fmt: skip
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=session.SIZES, metavar="N",
        help="how many agents; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--against", nargs="+", choices=others, default=others, metavar="NAME",
        help=f"beside AgentHub, of {', '.join(others)}",
    )  # fmt: skip
    parser.add_argument(
        "--brief", action="store_true", help="few rounds, to see that it works"
    )
    parser.add_argument(
        "--write", action="store_true", help="put the result into docs/benchmarks.md"
    )
    return parser.parse_args(words)


class Clock:
    """Tells what is done when, beside the tables."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def tell(self, what: str) -> None:
        """Say it on stderr."""
        print(f"[{self.passed:4.0f} s] {what}", file=sys.stderr, flush=True)

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._start


def main(words: Sequence[str]) -> int:
    """The exit code: 0 when everything that was asked for was measured."""
    chosen = options(words)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Ended politely, it ends its supervisors and their agents, and tells what it has.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    clock = Clock()
    with _directory() as directory:
        built = build(directory)
        left_out = contestants.left_out(built)
        missing = [f"{n}: {left_out[n]}" for n in chosen.against if n in left_out]
        for reason in missing:
            print(f"!! LEFT OUT: {reason}", file=sys.stderr)
        plan = Plan(
            {
                name: maker
                for name, maker in contestants.MAKERS.items()
                if name not in left_out and name in [contestants.OURS, *chosen.against]
            },
            chosen.sizes,
            built,
            chosen.brief,
        )
        run = session.Session(plan, chosen.only, clock.tell)
        try:
            run.run()
        except KeyboardInterrupt:
            run.failures.append("the rest: interrupted")
    text = page.report(run.figures, clock.passed, missing)
    print(text)
    if chosen.write and not run.failures:
        page.write(text)
    for failure in run.failures:
        print(f"!! NOT MEASURED: {failure}", file=sys.stderr)
    return 1 if run.failures else 0


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="agenthub-bench-") as name:
        yield Path(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
