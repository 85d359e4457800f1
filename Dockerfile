# syntax=docker/dockerfile:1
# Two images: `serve` (the default) has the packages of the base, `train` those of training, ingestion and the demo too.
# Tags name a line of versions, and Debian's packages none: `docker compose build --pull --no-cache` takes the patches.

FROM python:3.11-slim-bookworm AS packages
# gcc is for the packages that have no wheel for this platform
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/encore
ENV PATH=/opt/encore/bin:$PATH
COPY requirements.lock /build/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /build/requirements.lock

FROM packages AS packages-train
COPY requirements-demo.lock /build/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /build/requirements-demo.lock

FROM packages AS wheel
COPY pyproject.toml README.md LICENSE /build/
COPY core /build/core
COPY features /build/features
COPY training /build/training
COPY serving /build/serving
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel /build

FROM python:3.11-slim-bookworm AS runtime
# LightGBM and implicit run on OpenMP
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home encore \
    && install -d -o encore /srv/encore /srv/encore/data /srv/encore/mlruns
ENV PATH=/opt/encore/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /srv/encore
COPY encore.toml decisions.toml ./
VOLUME ["/srv/encore/data", "/srv/encore/mlruns"]
ENTRYPOINT ["encore"]

FROM runtime AS train
COPY --from=packages-train /opt/encore /opt/encore
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --no-deps /wheel/*.whl
USER 10001
CMD ["--help"]

FROM runtime AS serve
COPY --from=packages /opt/encore /opt/encore
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --no-deps /wheel/*.whl
USER 10001
EXPOSE 8000
# alive, not ready: an API that serves stale answers while a server is away must not be restarted
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["serve", "--host", "0.0.0.0"]
