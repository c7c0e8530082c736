"""Somebody with a browser without JavaScript, who is signed in to a hub."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.harness.hub import ADMIN_PASSWORD

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINK = re.compile(r'(?:href|hx-get|action)="([^"#]+)')
# To sign out ends the visit; files have no secrets, and there are many.
_PASSED_BY = ("/admin/logout", "/sign-out", "/static/", "/admin/jsi18n")


class Visitor:
    """The first administrator of the hub at this address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.cookies))
        given = {"username": "admin", "password": ADMIN_PASSWORD}
        self.post("/admin/login/", given, form_at="/admin/login/")
        assert "/admin/logout/" in self.get("/admin/"), "signed in"

    def get(self, path: str) -> str:
        """The page's source, also of one that says what is wrong."""
        return self._open(Request(urljoin(self.url, path)))

    def post(
        self, path: str, values: Mapping[str, str | list[str]], form_at: str
    ) -> str:
        """Fill in the form on a page and send it; the page that comes in the end."""
        token = _TOKEN.search(self.get(form_at))
        assert token is not None, f"There is no form at {form_at}."
        given = {**values, "csrfmiddlewaretoken": token[1]}
        data = urlencode(given, doseq=True).encode()
        return self._open(Request(urljoin(self.url, path), data))

    def crawl(self, *begin: str, most: int = 400) -> Iterator[tuple[str, str]]:
        """Every page that links lead to, by address; queries are not followed."""
        waiting, seen = deque(begin), set(begin)
        while waiting and most:
            path, most = waiting.popleft(), most - 1
            page = self.get(path)
            yield path, page
            for link in _LINK.findall(page):
                found = urlsplit(urljoin(urljoin(self.url, path), link))
                if urljoin(self.url, found.path) != f"{self.url}{found.path}":
                    continue
                if found.path.startswith(_PASSED_BY) or found.path in seen:
                    continue
                if found.netloc == urlsplit(self.url).netloc:
                    seen.add(found.path)
                    waiting.append(found.path)

    def _open(self, request: Request) -> str:
        try:
            with self._opener.open(request, timeout=20) as answer:
                return str(answer.read().decode(errors="replace"))
        except HTTPError as error:
            return error.read().decode(errors="replace")
