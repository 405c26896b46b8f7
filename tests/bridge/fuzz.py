# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of the decoders, for as long as wanted.

    pip install 'ns3kan[fuzz]'
    python tests/bridge/fuzz.py introduction|state|value|flat|info [LIBFUZZER OPTIONS] [CORPUS]

For an hour with inputs of up to 4 KiB and at most 1 GiB of memory:

    python tests/bridge/fuzz.py state -max_total_time=3600 -max_len=4096 -rss_limit_mb=1024

Without a corpus it begins with well-formed messages. What breaks a decoder is written to a file
``crash-…``; giving its name reproduces it.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from pathlib import Path

import atheris
import decoders
from test_fuzz import SEEDS


def instrument() -> None:
    """Watch which branches of the bridge are taken.

    An editable install imports its modules in a way that atheris cannot hook into.
    """
    for name, module in list(sys.modules.items()):
        if name != "decoders" and not name.startswith("ns3kan.bridge"):
            continue
        for thing in vars(module).values():
            owners = vars(thing).values() if inspect.isclass(thing) else [thing]
            for function in owners:
                if inspect.isfunction(function) and function.__module__ == name:
                    atheris.instrument_func(function)


def main() -> None:
    """Fuzz the decoder that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in decoders.DECODERS:
        sys.exit(f"usage: fuzz.py {'|'.join(decoders.DECODERS)} [LIBFUZZER OPTIONS] [CORPUS]")
    name = sys.argv.pop(1)
    instrument()
    with tempfile.TemporaryDirectory() as folder:
        for i, seed in enumerate(SEEDS[name]):
            Path(folder, str(i)).write_bytes(seed)
        corpus = [] if any(not option.startswith("-") for option in sys.argv[1:]) else [folder]
        atheris.Setup([*sys.argv, *corpus], lambda data: decoders.decode(name, bytes(data)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
