# SPDX-License-Identifier: GPL-2.0-only
"""Examples that ns-3's test.py runs: the command line, whether to run it, and under valgrind."""

cpp_examples = [
    ("sdwan --controller=primary --duration=5", "True", "True"),
    ("leaf-spine --controller=conga --duration=1ms", "True", "True"),
    ("multipath-routing --controller=join-shortest-queue --slots=1000", "True", "True"),
    ("single-hop-scheduling --controller=max-weight --slots=1000", "True", "True"),
]

python_examples = []
