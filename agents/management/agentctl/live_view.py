"""An answer on stderr while it is being given, where a person waits for it there."""

from __future__ import annotations

from agents.management.agentctl.terminal import Terminal
from agents.models import Task
from agents.services import live_answers
from agents.services.live_answers import Place, Source
from agents.services.logs import default_log_store


class LiveView:
    """Call `look` when the task has changed, `show` often, and `end` once."""

    def __init__(self, task_id: int, terminal: Terminal) -> None:
        self._terminal = terminal
        self._store = default_log_store()
        self._source = Source(task_id)
        self._place = Place()
        self._in_a_line = False
        self._asked = ""

    def look(self, task: Task) -> None:
        """In which run it is worked on, and whether it asks something."""
        if not self._terminal.progress:
            return
        source = live_answers.source_of(task.pk)
        if source.run != self._source.run:
            self._place = Place()
        self._source = source
        if task.question and task.answer is None and task.question != self._asked:
            self._asked = task.question
            self.end()
            self._terminal.note(f"It asks: {task.question}")
            self._terminal.note(
                f'Answer with `manage.py agents answer {task.pk} "…"`, or on its page.'
            )

    def show(self) -> None:
        """What has been said since."""
        if not self._source.run:
            return
        try:
            heard = live_answers.further(self._store, self._source, self._place)
        except (OSError, ValueError):
            return  # It is a look beside the answer, not the answer.
        if heard is None:
            return
        self._place = heard.place
        if heard.fresh:
            self.end()
        if heard.live.text:
            self._in_a_line = not heard.live.text.endswith("\n")
            self._terminal.stream(heard.live.text)

    def end(self) -> None:
        """Nothing more follows on this line."""
        if self._in_a_line:
            self._in_a_line = False
            self._terminal.stream("\n")
