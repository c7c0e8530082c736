"""supervisord: one program section for each agent, driven through XML-RPC."""

from __future__ import annotations

import http.client
import shlex
import xmlrpc.client
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.agents import Agent
from bench.contestants import daemon
from bench.contestants.contestant import AT_THE_DOOR, Ground


class Supervisord(daemon.Daemon):
    """In its fastest sane set-up: no start check, no rotation, one pipe an agent."""

    name = "supervisord"

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._url = f"http://127.0.0.1:{daemon.free_port()}/"
        self._config = ground.directory / "supervisord.conf"
        # Any: the methods of a remote object are only known to the other side.
        self._rpc: Any = None

    def prepare(self) -> None:
        here = self.ground.directory
        port = self._url.rsplit(":", 1)[1].strip("/")
        sections = [
            f"[supervisord]\nnodaemon=true\nlogfile={here}/supervisord.log\n"
            f"loglevel=warn\nchilddir={here}\npidfile={here}/pid\n",
            f"[inet_http_server]\nport=127.0.0.1:{port}\n",
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory="
            "supervisor.rpcinterface:make_main_rpcinterface\n",
        ]
        for agent in self.ground.agents:
            restart = "true" if agent.restart else "false"
            sections.append(
                f"[program:{agent.name}]\n"
                f"command={shlex.join(self.ground.argv(agent))}\n"
                f"autostart=true\nautorestart={restart}\nstartsecs=0\n"
                f"stopwaitsecs={agent.grace:g}\nredirect_stderr=true\n"
                f"stdout_logfile={self.output(agent)}\nstdout_logfile_maxbytes=0\n"
            )
        self._config.write_text("\n".join(sections))

    def launch(self) -> None:
        program = str(daemon.peers_python().with_name("supervisord"))
        self.spawn([program, "-c", str(self._config)])

    def connect(self) -> None:
        self._rpc = self._client(daemon.PATIENCE)
        daemon.until_answered(self._rpc.getState)

    def _client(self, timeout: float) -> Any:
        transport = _Transport(timeout)
        return xmlrpc.client.ServerProxy(self._url + "RPC2", transport).supervisor

    def start_all(self) -> None:
        self._rpc.startAllProcesses(False)

    def stop_all(self) -> None:
        self._rpc.stopAllProcesses(False)

    def known(self) -> set[int]:
        return {info["pid"] for info in self._rpc.getAllProcessInfo()} - {0}

    def doors(self) -> Mapping[str, Callable[[], object]]:
        hasty = self._client(AT_THE_DOOR)
        return {"status": hasty.getAllProcessInfo, "page of all": self._page}

    def output(self, agent: Agent) -> Path:
        return self.ground.output(agent)

    def _page(self) -> None:
        with urlopen(self._url, timeout=AT_THE_DOOR) as answer:
            answer.read()


class _Transport(xmlrpc.client.Transport):
    """The standard one waits for ever."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(host, timeout=self._timeout)
