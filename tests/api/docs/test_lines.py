"""Every line of curl on the page of the docs is run, as a reader would run it."""

from __future__ import annotations

import json
import re
from html import unescape

from tests.harness.hub import HubProcess

SETUP = {
    "agents": [
        {"name": "web", "command": ["sleep", "600"], "labels": {"team": "search"}},
        {"name": "thinker", "kind": "native_llm", "provider": "demo"},
    ]
}
# A reader looks first, and deletes last.
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")
# The line is wrong, and not what it is about.
WRONG = (400, 401, 403, 405, 413, 415, 422, 500)
LINE = re.compile(r'data-operation="(\w+) ([^"]+)">([^<]+)</pre>')


def test_every_line_is_a_call_that_the_hub_understands(hub: HubProcess) -> None:
    (hub.home / "agents.json").write_text(json.dumps(SETUP))
    for told in (
        ("import", "agents.json"),
        ("start", "--all", "--wait", "20"),
        ("ask", "thinker", "Say hello", "--wait", "30"),
    ):
        done = hub.agents(*told)
        assert done.returncode == 0, done.stderr
    made = hub.manage("apitoken", "admin", "--scope", "configure")
    shell = f"HUB={hub.url} TOKEN={made.stdout.strip()}; "
    bearer = '-sS -H "Authorization: Bearer $TOKEN"'
    page = hub.run(f"{shell} curl {bearer} $HUB/api/v1/docs").stdout
    lines = sorted(LINE.findall(page), key=lambda one: (ORDER.index(one[0]), one[1]))
    assert len(lines) > 20
    wrong = []
    for method, path, line in lines:
        run = f"{shell} {unescape(line)} -sS -w '\\n%{{http_code}}'"
        body, _, status = hub.run(run).stdout.rpartition("\n")
        unknown = "The API has no address" in body
        if not status or int(status) in WRONG or unknown:
            wrong.append(f"{method} {path}: {unescape(line)}\n{status} {body}")
    assert wrong == []
