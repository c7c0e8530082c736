"""The search itself, which is a program: `main` is all that runs in its process.

A regular expression can take longer than the universe has left, and Python holds its
lock meanwhile: in a thread it would stop the whole hub, a process can be ended. It
needs the standard library and this room's way to files only, so that it starts soon.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agents.execution.tools.tool import Refused
from agents.execution.tools.walking import Glob, Walk
from agents.execution.tools.workspace import DEEPEST, Parts, Workspace, shown

SECONDS: Final = 20
LONGEST_PATTERN: Final = 1000
# Files that are larger are left out, lines that are longer are cut (bytes, letters).
LARGEST: Final = 8 << 20
LONGEST_LINE: Final = 20_000
SHOWN_LINE: Final = 300
_MEMORY: Final = 1 << 30
_BINARY: Final = 8192

REFUSED: Final = 3
_ROOT: Final = Path(__file__).resolve().parents[3]
# -I: neither the environment nor the directory it starts in can slip in a module.
_PROGRAM: Final = (
    f"import sys; sys.path.insert(0, {str(_ROOT)!r}); "
    "from agents.execution.tools import searching; searching.main()"
)


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, and in which files below `path`."""

    workspace: str
    path: str
    pattern: str
    glob: str | None
    ignore_case: bool
    most: int

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line that does it: exit code 0, or REFUSED and why."""
        words = json.dumps(asdict(self))
        return (sys.executable, "-ISX", "utf8", "-c", _PROGRAM, words)


def main() -> None:
    """Say each line that matches as it is found; at last, what was left out."""
    # Its own end, also should nobody be there any more to bring it.
    signal.alarm(SECONDS + 5)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        _Searcher(Search(**json.loads(sys.argv[1]))).go()
    except Refused as refusal:
        print(refusal)
        sys.exit(REFUSED)
    except MemoryError:
        print("this takes too much memory; search more narrowly")
        sys.exit(REFUSED)


class _Searcher:
    def __init__(self, search: Search) -> None:
        self._search = search
        self._pattern = _compiled(search)
        self._workspace = Workspace(Path(search.workspace))
        self._start = self._workspace.parts(search.path)
        self._left = search.most
        self._left_out: Counter[str] = Counter()

    def go(self) -> None:
        for path in self._files():
            content = self._content(path)
            if content is not None and not self._found_all(path, content):
                print(f"[there is more than these {self._search.most}: {_NARROWER}]")
                return
        if self._left == self._search.most:
            print("[nothing found]")
        for what, count in sorted(self._left_out.items()):
            print(f"[left out: {count} {what}]")

    def _files(self) -> Iterator[Parts]:
        glob = None if self._search.glob is None else Glob(self._search.glob)
        if stat.S_ISREG(self._workspace.look(self._start).st_mode):
            yield self._start
            return
        walk = Walk(self._workspace, self._start, DEEPEST)
        for found in walk:
            below = found.parts[len(self._start) :]
            if found.is_file and (glob is None or glob.matches(below)):
                yield found.parts
        self._left_out.update(
            {
                "directories that could not be read": len(walk.unread),
                "directories with too many entries, in part": len(walk.crowded),
            }
        )
        self._left_out = +self._left_out

    def _content(self, path: Parts) -> bytes | None:
        try:
            with self._workspace.file(path) as file:
                content = file.read(LARGEST + 1)
        except (Refused, OSError):
            self._left_out["files that could not be read"] += 1
            return None
        if len(content) > LARGEST:
            self._left_out[f"files of more than {LARGEST >> 20} MiB"] += 1
        elif b"\0" in content[:_BINARY]:
            self._left_out["binary files"] += 1
        else:
            return content
        return None

    def _found_all(self, path: Parts, content: bytes) -> bool:
        """Say the lines that match; False when there are more than may be said."""
        for number, line in enumerate(content.split(b"\n"), 1):
            if len(line) > LONGEST_LINE:
                self._left_out[f"ends of lines, beyond {LONGEST_LINE:,} bytes"] += 1
            text = line[:LONGEST_LINE].decode(errors="backslashreplace").rstrip("\r")
            match = self._pattern.search(text)
            if match is None:
                continue
            if not self._left:
                return False
            self._left -= 1
            # At once: should the next line take for ever, this one is known.
            excerpt = _excerpt(text, match.start())
            print(f"{shown(path)}:{number}: {excerpt}", flush=True)
        return True


_NARROWER: Final = "narrow the pattern, the path or the glob"


def _compiled(search: Search) -> re.Pattern[str]:
    if len(search.pattern) > LONGEST_PATTERN:
        raise Refused(f"a pattern has {LONGEST_PATTERN:,} characters at most")
    flags = re.IGNORECASE if search.ignore_case else re.NOFLAG
    try:
        return re.compile(search.pattern, flags)
    except re.error as error:
        raise Refused(f"not a regular expression of Python's: {error}") from None
    except (RecursionError, OverflowError) as error:
        raise Refused(f"the regular expression is too much: {error}") from None


def _excerpt(text: str, at: int) -> str:
    """The line, or as much of it around the match as can be shown; one line."""
    begin = max(0, at - SHOWN_LINE // 3) if len(text) > SHOWN_LINE else 0
    end = begin + SHOWN_LINE
    before, after = "… " if begin else "", " …" if len(text) > end else ""
    kept = "".join(
        c if c.isprintable() or c == "\t" else "\ufffd" for c in text[begin:end]
    )
    return f"{before}{kept}{after}"
