# syntax=docker/dockerfile:1
# Two images: `serve` (the default) has the packages of the base, `train` those of training, ingestion and the demo too.

FROM python:3.11.9-slim-bookworm AS packages
# gcc is for the packages that have no wheel for this platform
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc=4:12.2.0-3 g++=4:12.2.0-3 \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/encore
ENV PATH=/opt/encore/bin:$PATH
COPY requirements.lock /build/
RUN pip install --no-cache-dir --require-hashes -r /build/requirements.lock

FROM packages AS packages-train
COPY requirements-demo.lock /build/
RUN pip install --no-cache-dir --require-hashes -r /build/requirements-demo.lock

FROM packages AS wheel
COPY pyproject.toml README.md LICENSE /build/
COPY core /build/core
COPY features /build/features
COPY training /build/training
COPY serving /build/serving
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel /build

FROM python:3.11.9-slim-bookworm AS runtime
# LightGBM and implicit run on OpenMP
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1=12.2.0-14+deb12u1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home encore \
    && install -d -o encore /srv/encore /srv/encore/data /srv/encore/mlruns
ENV PATH=/opt/encore/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /srv/encore
COPY encore.toml ./
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
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
CMD ["serve", "--host", "0.0.0.0"]
