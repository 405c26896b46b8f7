# SPDX-License-Identifier: MIT
# docker build -t ns3kan . && docker run --rm -v "$PWD/runs:/work/runs" ns3kan demo --quick
#
# Build arguments: NS3=optimised builds an ns-3 for the processor of the building machine from
# Debian's source package instead of taking the one from PyPI; TORCH_INDEX is where PyTorch without
# CUDA is found, empty if pip is told elsewhere.
FROM docker.io/library/debian:bookworm-slim AS base

FROM base AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      build-essential ca-certificates dpkg-dev libprotobuf-dev libyaml-cpp-dev libzmq3-dev \
      nlohmann-json3-dev pkg-config protobuf-compiler python3-dev python3-venv
ENV PATH=/opt/ns3kan/bin:$PATH PIP_NO_CACHE_DIR=1
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python3 -m venv /opt/ns3kan \
 && pip install --quiet "scikit-build-core>=0.11" "nanobind>=2.4" "cmake>=3.20,<4" ninja \
 # Its libraries and headers; its Python bindings, which need a compiler of their own, are not used.
 && pip install --quiet --no-deps "ns3==3.44.*" \
 && pip install --quiet ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "torch>=2.6,<2.14"
WORKDIR /src
COPY ns3_scenarios/scripts ns3_scenarios/scripts
ARG NS3=wheel
RUN mkdir -p /opt/ns-3 \
 && if [ "$NS3" = optimised ]; then \
      ns3_scenarios/scripts/build-optimised /opt/ns-3 && rm -rf /opt/ns-3/build /opt/ns-3/output; \
    elif [ "$NS3" != wheel ]; then \
      echo "NS3 is '$NS3'; it must be wheel or optimised" >&2; exit 1; \
    fi
COPY . .
RUN if [ "$NS3" = optimised ]; then export NS3_PREFIX=/opt/ns-3; fi \
 && python scripts/requirements.py > /tmp/requirements.txt \
 && pip install --quiet --requirement /tmp/requirements.txt \
 && pip install --quiet --no-build-isolation --no-deps . \
 && pip uninstall --quiet --yes scikit-build-core nanobind cmake ninja

FROM base
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates libprotobuf32 libyaml-cpp0.7 libzmq5 python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 ns3kan \
 && install --directory --owner=ns3kan /work /work/runs
COPY --from=build /opt/ns3kan /opt/ns3kan
COPY --from=build /opt/ns-3 /opt/ns-3
ENV PATH=/opt/ns3kan/bin:$PATH
USER ns3kan
WORKDIR /work
ENTRYPOINT ["ns3kan"]
CMD ["--help"]
