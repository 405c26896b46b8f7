# SPDX-License-Identifier: MIT
# make demo | make test | make coverage | make fuzz | make sanitize | make check | make docs | make docker-test | make release-test | make browser | make ns3-module | make ns3-optimised | make clean. On a fresh Debian 12: apt-get install make first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# What the build needs from Debian; everything else comes from PyPI.
DEBIAN_PACKAGES := build-essential pkg-config python3-dev python3-venv libzmq3-dev \
	libprotobuf-dev protobuf-compiler libyaml-cpp-dev nlohmann-json3-dev
# What the tests of pages use; without it they are skipped.
TEST_PACKAGES := chromium

BUILD_TOOLS := "scikit-build-core>=0.11" "nanobind>=2.4" "cmake>=3.20,<4" ninja
NS3_WHEEL := "ns3==3.44.*"
# Which ns-3 the image has: wheel or optimised.
NS3 ?= wheel
SOURCES := pyproject.toml scripts/requirements.py $(shell find ns3_scenarios bridge/native -type f -not -name '*.md')

.PHONY: demo test coverage fuzz sanitize check docs docker-test release-test browser ns3-module ns3-optimised clean system

demo: $(VENV)/.installed
	$(BIN)/ns3kan demo

# A file's tests stay in one process, so that what they share is made once.
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test: $(VENV)/.installed-dev
	$(PYTEST)

# The same tests, and which lines of Python they reach; slower.
coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

# Damaged controller.json files, read by Python and by C++, which must say the same of each.
FUZZ := --count 100000 --seed 1
fuzz: $(VENV)/.installed-dev
	$(BIN)/python tests/helpers/controller_mutations.py $(FUZZ)

# The programs with AddressSanitizer and UndefinedBehaviorSanitizer, and short runs of all of them.
sanitize: $(VENV)/.installed-dev
	PATH="$(abspath $(BIN)):$$PATH" ns3_scenarios/scripts/build-sanitized build/sanitized
	$(BIN)/python tests/helpers/sanitized_runs.py build/sanitized

# Style and types; CI runs it before the tests.
check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files '*.cc' '*.h')
	$(BIN)/mypy -p ns3kan

# The site, into build/site; a broken link or an unknown name in the reference is an error.
docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Builds the image and runs the demo in it; NS3=optimised make docker-test takes such an ns-3.
docker-test:
	tests/docker/try-image NS3=$(NS3)

# Builds what would be released and uses it in an empty virtual environment.
release-test: $(VENV)/.tools
	PYTHON=$(abspath $(BIN))/python tests/release/try-release

# The scenarios as a module in a tree of ns-3: Debian's source package, or the one in TREE.
ns3-module: | system
	ns3_scenarios/scripts/try-module $(TREE)

# An ns-3 for this machine from such a tree, and the scenarios against it.
ns3-optimised: $(VENV)/.tools
	PATH="$(abspath $(BIN)):$$PATH" ns3_scenarios/scripts/build-optimised build/ns3-optimised \
	  build/scenarios-optimised $(TREE)

clean:
	rm -rf $(VENV) build dist

# Installs the missing Debian packages where that is allowed, and says how where it is not.
system: PACKAGES := $(DEBIAN_PACKAGES)
browser: PACKAGES := $(TEST_PACKAGES)
system browser:
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(PACKAGES) 2>/dev/null \
	  | awk '$$2 == "installed" { print $$1 }' | sed 's/:.*//' \
	  | sort | comm -13 - <(printf '%s\n' $(PACKAGES) | sort)); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	install="apt-get update && apt-get install -y --no-install-recommends $$(echo $$missing)"; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  echo "Installing $$(echo $$missing)"; DEBIAN_FRONTEND=noninteractive sh -c "$$install"; \
	else \
	  echo "Some packages are missing. Install them, then run make again:" >&2; \
	  echo "  sudo sh -c '$$install'" >&2; exit 1; \
	fi

system browser: SHELL := /bin/bash

$(VENV)/.tools: | system
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(BUILD_TOOLS)
	$(BIN)/python -m pip install --quiet --no-deps $(NS3_WHEEL)
	touch $@

# --no-build-isolation: the ns-3 that the scenarios are built against is the one they run with.
# --no-deps: what ns-3's Python bindings need, which are not used, would be compiled for minutes.
$(VENV)/.installed: $(VENV)/.tools $(SOURCES)
	$(BIN)/python scripts/requirements.py > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --requirement $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.tools $(SOURCES)
	$(BIN)/python scripts/requirements.py dev > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --requirement $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps \
	  --config-settings cmake.define.NS3KAN_TESTS=ON --editable .
	touch $(VENV)/.installed $@
