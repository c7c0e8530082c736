"""`make torture`: the long storm, and its figures."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Run it; 0 if nothing was lost."""
    parser = argparse.ArgumentParser("torture", description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--agents", type=int, default=30)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="agenthub-torture-"))
    code = storm(folder, options.cycles, options.agents, options.seed)
    if code == 0:
        shutil.rmtree(folder)
    else:
        print(f"All of it is kept for a look: {folder}")
    return code


def storm(folder: Path, cycles: int, agents: int, seed: str) -> int:
    """All of it below one folder, which has to be empty."""
    for name in [name for name in os.environ if name.startswith("AGENTHUB_")]:
        del os.environ[name]
    data = folder / "data"
    os.environ["AGENTHUB_DATA_DIR"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "agenthub.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    # Only now are there models.
    from tests.torture.arena import Arena
    from tests.torture.storm import Storm

    print(f"{cycles} cycles with {agents} agents; seed {seed}", flush=True)
    raging = Storm(Arena(folder, data, agents, seed), seed)
    figures = raging.rage(cycles, lambda words: print(words, flush=True))
    print(figures.table())
    for fault in figures.faults:
        print(f"FAULT: {fault}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
