"""The adapter `command`: any long-lived program, run as its set-up says."""

from __future__ import annotations

from agents.adapters.launch import Launch, Surroundings
from agents.policy import preflight
from agents.policy.setup import AgentSetup


def build(setup: AgentSetup, around: Surroundings) -> Launch:
    """The launch; raises `preflight.Refused` when it cannot work.

    Python programs write to files in blocks unless told otherwise, which would
    hide their output for minutes: PYTHONUNBUFFERED is set unless the agent's
    own environment says something else.
    """
    env = {
        **around.inherited,
        "PYTHONUNBUFFERED": "1",
        **setup.env,
        **around.marks(setup.name),
    }
    cleared = preflight.check(setup.command, setup.cwd or around.home, env)
    return Launch(argv=cleared.argv, cwd=cleared.cwd, env=env, stdin=setup.stdin)
