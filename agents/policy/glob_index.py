"""Many patterns at once: which of them overlap one that is asked for.

Pure. A tree of segments, so that what cannot overlap is never looked at.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from agents.policy.globs import Glob, Segment, meet

Owner = TypeVar("Owner")


class _Node(Generic[Owner]):
    """The patterns that go on from here. `ends`, `below`: those that end here."""

    __slots__ = ("below", "deep", "ends", "named", "wild")

    def __init__(self) -> None:
        self.named: dict[str, _Node[Owner]] = {}
        self.wild: dict[Segment, _Node[Owner]] = {}
        self.deep: _Node[Owner] | None = None
        self.ends: list[Owner] = []
        self.below: list[Owner] = []

    def child(self, segment: Segment | None) -> _Node[Owner]:
        """The node after this segment, made if there is none."""
        if segment is None:
            if self.deep is None:
                self.deep = _Node()
            return self.deep
        if (text := segment.text) is not None:
            return self.named.setdefault(text, _Node())
        return self.wild.setdefault(segment, _Node())

    def matching(self, segment: Segment) -> list[_Node[Owner]]:
        """The nodes whose segment can be the same name."""
        text = segment.text
        if text is None:
            fits = segment.fits
            found = [node for name, node in self.named.items() if fits(name)]
        else:
            found = [self.named[text]] if text in self.named else []
        if self.wild:
            found += [node for wild, node in self.wild.items() if meet(wild, segment)]
        return found


class GlobIndex(Generic[Owner]):
    """Patterns with their owners. Not to be changed while it is asked."""

    def __init__(self) -> None:
        self._root: Final[_Node[Owner]] = _Node()
        self._strange: Final[list[Owner]] = []
        self._all: Final[list[Owner]] = []

    def add(self, glob: Glob, owner: Owner) -> None:
        """One more; the same owner may come again."""
        self._all.append(owner)
        if glob.strange:
            self._strange.append(owner)
            return
        node = self._root
        for segment in glob.segments:
            node = node.child(segment)
        (node.below if glob.below else node.ends).append(owner)

    def overlapping(self, glob: Glob) -> list[Owner]:
        """The owners of all that overlap it, each as often as a pattern of theirs."""
        if glob.strange:
            return list(self._all)
        return [*self._strange, *_Walk[Owner](glob).owners(self._root)]


class _Walk(Generic[Owner]):
    """One question put to the tree. A state is a node, how much of the pattern is
    used up, and whether the node is a `**` that may take more."""

    def __init__(self, glob: Glob) -> None:
        self._segments, self._below = glob.segments, glob.below
        # All that is left of the pattern from here on may be nothing.
        self._empty = [
            all(one is None for one in self._segments[at:])
            for at in range(len(self._segments) + 1)
        ]
        # Owners of one list are told once, whichever way it was reached.
        self._found: dict[int, list[Owner]] = {}

    def owners(self, root: _Node[Owner]) -> list[Owner]:
        """All that were found."""
        seen: set[tuple[_Node[Owner], int, bool]] = set()
        states = [(root, 0, False)]
        while states:
            state = states.pop()
            if state in seen:
                continue
            seen.add(state)
            node, at, _ = state
            if at == len(self._segments) and self._below:
                self._take_all(node)
                continue
            if node.below:
                self._found[id(node.below)] = node.below
            if node.ends and self._empty[at]:
                self._found[id(node.ends)] = node.ends
            if node.deep is not None:
                # The tree's `**`, of nothing so far.
                states.append((node.deep, at, True))
            if at < len(self._segments):
                self._go_on(state, states)
        return [owner for owners in self._found.values() for owner in owners]

    def _go_on(
        self,
        state: tuple[_Node[Owner], int, bool],
        states: list[tuple[_Node[Owner], int, bool]],
    ) -> None:
        node, at, deep = state
        segment = self._segments[at]
        if deep:
            states.append((node, at + 1, True))
        if segment is not None:
            states += [(child, at + 1, False) for child in node.matching(segment)]
            return
        states.append((node, at + 1, deep))
        for children in (node.named, node.wild):
            states += [(child, at, False) for child in children.values()]

    def _take_all(self, node: _Node[Owner]) -> None:
        nodes = [node]
        while nodes:
            one = nodes.pop()
            self._found[id(one.ends)] = one.ends
            self._found[id(one.below)] = one.below
            nodes += one.named.values()
            nodes += one.wild.values()
            if one.deep is not None:
                nodes.append(one.deep)
