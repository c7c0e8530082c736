"""The house rules that no linter knows, read off the source itself."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

Finder = Callable[[ast.AST], Iterator[ast.AST]]

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for room in ("agenthub", "agents")
    for path in sorted((ROOT / room).rglob("*.py"))
}
OWN_MODULES = {
    name: source for name, source in MODULES.items() if "/migrations/" not in name
}
TEMPLATES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for folder in (ROOT / "templates", ROOT / "agents")
    for path in sorted(folder.rglob("*.html"))
}


# Each module


def test_every_module_says_what_is_in_it() -> None:
    silent = [
        name
        for name, source in OWN_MODULES.items()
        if source.strip() and ast.get_docstring(ast.parse(source)) is None
    ]
    assert silent == []


def test_every_module_postpones_its_annotations() -> None:
    eager = [
        name
        for name, source in OWN_MODULES.items()
        if has_code(source) and not postpones_annotations(source)
    ]
    assert eager == []


def test_no_module_is_over_400_lines() -> None:
    long = {
        name: lines
        for name, source in MODULES.items()
        if "/migrations/" not in name and (lines := len(source.splitlines())) > 400
    }
    assert long == {}


def test_no_room_is_named_after_odds_and_ends() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    found = [
        path.relative_to(ROOT).as_posix()
        for room in ("agenthub", "agents", "templates", "tests")
        for path in (ROOT / room).rglob("*")
        if path.stem.strip("_") in vague
    ]
    assert found == []


# Who may touch what


def test_only_the_settings_read_the_environment() -> None:
    # asgi.py names the settings module, and Django reads that from the environment.
    allowed = ("agenthub/settings.py", "agenthub/asgi.py")
    assert offences(environment_uses, allowed) == []


def test_only_the_process_room_signals_processes() -> None:
    assert offences(signal_uses, ("agents/supervisor/process/",)) == []


def test_only_the_bell_rings_the_channel_layer() -> None:
    # The live room, and what the two long-running commands share, receive from it.
    allowed = (
        "agents/services/bell.py",
        "agents/live/",
        "agents/management/supervision.py",
    )
    assert offences(channel_layer_uses, allowed) == []


def test_policy_imports_nothing_but_the_standard_library() -> None:
    found = [
        f"{name}: {module}"
        for name, source in MODULES.items()
        if name.startswith("agents/policy/")
        for module in imported_modules(ast.parse(source))
        if module.split(".")[0] not in sys.stdlib_module_names
        and not module.startswith("agents.policy")
    ]
    assert found == []


# Markup


def test_templates_keep_to_the_content_security_policy() -> None:
    found = [
        f"{name}: {breach}"
        for name, source in TEMPLATES.items()
        for breach in markup_breaches(source)
    ]
    assert found == []


def test_markup_made_in_python_keeps_to_the_content_security_policy() -> None:
    found = [
        f"{name}:{node.lineno}: {breach}"
        for name, source in OWN_MODULES.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for breach in markup_breaches(node.value)
    ]
    assert found == []


# The rules themselves catch what they are there for


def test_the_rules_see_the_environment_read_in_any_way() -> None:
    for source in (
        "import os\nos.environ['A']",
        "import os\nos.getenv('A')",
        "from os import environ",
        "from os import path, getenv",
    ):
        assert list(environment_uses(ast.parse(source))), source
    assert not list(environment_uses(ast.parse("import os\nos.path.join('a')")))


def test_the_rules_see_processes_signalled_in_any_way() -> None:
    for source in (
        "import os\nos.kill(1, 9)",
        "import os\nend = os.killpg",
        "from os import kill",
        "import signal\nsignal.pidfd_send_signal(3, 9)",
        "child.send_signal(9)",
        "child.terminate()",
        "self.child.kill()",
    ):
        assert list(signal_uses(ast.parse(source))), source
    # Asking for an agent's end is a request, and may be called what it is.
    assert not list(signal_uses(ast.parse("lifecycle.kill(agent, actor=actor)")))


def test_the_rules_see_breaches_of_the_content_security_policy() -> None:
    for source in (
        "<script>go()</script>",
        "<style>p { color: red }</style>",
        '<p style="color: red">',
        "<a {% if a > b %}class='c'{% endif %} onclick='go()'>",
        '<a hx-on:click="go()">',
        '<a data-hx-on::load="go()">',
        "<a href='javascript:go()'>",
        '<a hx-vals="js:{a: go()}">',
    ):
        assert list(markup_breaches(source)), source
    for source in (
        '<script src="{% static "agents/live.js" %}" defer></script>',
        '<script type="application/json">{"a": 1}</script>',
        "{# <p style='x'> #}{% comment %}<p style='x'>{% endcomment %}<p>",
        '<option value="{{ value }}" data-once="yes">one</option>',
    ):
        assert not list(markup_breaches(source)), source


# How the source is read


def has_code(source: str) -> bool:
    return any(
        not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in ast.parse(source).body
    )


def postpones_annotations(source: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and "annotations" in {alias.name for alias in node.names}
        for node in ast.parse(source).body
    )


def offences(find: Finder, allowed: tuple[str, ...]) -> list[str]:
    """Where the finder finds something outside the allowed files and folders."""
    return [
        f"{name}:{getattr(node, 'lineno', 0)}"
        for name, source in OWN_MODULES.items()
        if not name.startswith(allowed)
        for node in find(ast.parse(source))
    ]


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def uses_of(tree: ast.AST, module: str, names: set[str]) -> Iterator[ast.AST]:
    """`module.name` anywhere, called or not, and `from module import name`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                found = owner == module and name in names
            case ast.ImportFrom(module=owner, names=aliases):
                found = owner == module and any(a.name in names for a in aliases)
            case _:
                found = False
        if found:
            yield node


def environment_uses(tree: ast.AST) -> Iterator[ast.AST]:
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    return uses_of(tree, "os", names)


def signal_uses(tree: ast.AST) -> Iterator[ast.AST]:
    yield from uses_of(tree, "os", {"kill", "killpg"})
    yield from uses_of(tree, "signal", {"pidfd_send_signal"})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            bare = not node.args and not node.keywords
            ends = bare and node.func.attr in {"kill", "terminate"}
            if ends or node.func.attr == "send_signal":
                yield node


def channel_layer_uses(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id="get_channel_layer")
                | ast.Attribute(attr="get_channel_layer")
                | ast.alias(name="get_channel_layer")
            ):
                yield node


def markup_breaches(source: str) -> Iterator[str]:
    """What a policy without unsafe-inline and unsafe-eval would refuse."""
    comments = r"{%\s*comment.*?%}.*?{%\s*endcomment\s*%}|{#.*?#}"
    source = re.sub(comments, "", source, flags=re.DOTALL)
    source = re.sub(r"{%.*?%}", " ", source, flags=re.DOTALL)
    source = re.sub(r"{{.*?}}", "x", source, flags=re.DOTALL)
    parser = BreachParser()
    parser.feed(source)
    parser.close()
    yield from parser.breaches


class BreachParser(HTMLParser):
    """Collects inline code and inline style."""

    def __init__(self) -> None:
        super().__init__()
        self.breaches: list[str] = []
        self._inline = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A block of data is not executed, and the policy lets it be.
        is_data = ("type", "application/json") in attrs
        self._inline = tag if tag in {"script", "style"} and not is_data else ""
        for name, value in attrs:
            if re.match(r"style$|on[a-z]+$|(data-)?hx-on", name):
                self.breaches.append(f"<{tag} {name}=…>")
            elif (value or "").lstrip().startswith(("js:", "javascript:")):
                self.breaches.append(f"<{tag} {name}={value}>")

    def handle_endtag(self, tag: str) -> None:
        self._inline = ""

    def handle_data(self, data: str) -> None:
        if self._inline and data.strip():
            self.breaches.append(f"<{self._inline}> with a body")
