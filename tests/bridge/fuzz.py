# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of the decoders, for as long as wanted.

    pip install 'ns3kan[fuzz]'
    python tests/bridge/fuzz.py introduction|state|value|flat|info [LIBFUZZER OPTIONS] [CORPUS]

For an hour with inputs of up to 4 KiB and at most 1 GiB of memory:

    python tests/bridge/fuzz.py state -max_total_time=3600 -max_len=4096 -rss_limit_mb=1024

What breaks a decoder is written to a file ``crash-…``; giving its name reproduces it.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["ns3kan", "decoders"]):
    import decoders


def main() -> None:
    """Fuzz the decoder that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in decoders.DECODERS:
        sys.exit(f"usage: fuzz.py {'|'.join(decoders.DECODERS)} [LIBFUZZER OPTIONS] [CORPUS]")
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, lambda data: decoders.decode(name, bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
