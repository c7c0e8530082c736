"""A person at a browser, as far as a clock needs one: signs in, asks for pages."""

from __future__ import annotations

import http.client
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode


class Browser:
    """One kept connection to one server, with its cookies."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self._cookies: dict[str, str] = {}

    def greet(self) -> str:
        """The sign-in page."""
        return self.get("/sign-in/")

    def sign_in(self, name: str, password: str) -> None:
        """Become this person, or raise RuntimeError."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.greet())
        if token is None:
            raise RuntimeError("The sign-in page has no form.")
        form = {"username": name, "password": password}
        self._request("POST", "/sign-in/", form | {"csrfmiddlewaretoken": token[1]})
        if "sessionid" not in self._cookies:
            raise RuntimeError(f"{name} could not sign in.")

    def get(self, path: str) -> str:
        """The page; anything but 200 raises RuntimeError."""
        status, text = self._request("GET", path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}.")
        return text

    def _request(
        self, method: str, path: str, form: dict[str, str] | None = None
    ) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except OSError:
            # So that the next request makes a new connection.
            self._connection.close()
            raise
        for line in answer.headers.get_all("Set-Cookie", []):
            for key, morsel in SimpleCookie(line).items():
                self._cookies[key] = morsel.value
        return answer.status, text
