# syntax=docker/dockerfile:1

FROM python:3.11.9-slim-bookworm AS build
# gcc is for the packages that have no wheel for this platform
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc=4:12.2.0-3 g++=4:12.2.0-3 \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/encore
ENV PATH=/opt/encore/bin:$PATH
COPY requirements.lock /build/
RUN pip install --no-cache-dir --require-hashes -r /build/requirements.lock
COPY pyproject.toml README.md LICENSE /build/
COPY core /build/core
COPY features /build/features
COPY training /build/training
COPY serving /build/serving
RUN pip install --no-cache-dir --no-deps --no-build-isolation /build

FROM python:3.11.9-slim-bookworm
# LightGBM and implicit run on OpenMP
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1=12.2.0-14+deb12u1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home encore \
    && install -d -o encore /srv/encore /srv/encore/data /srv/encore/mlruns
COPY --from=build /opt/encore /opt/encore
ENV PATH=/opt/encore/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /srv/encore
COPY encore.toml ./
USER 10001
VOLUME ["/srv/encore/data", "/srv/encore/mlruns"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["encore"]
CMD ["serve", "--host", "0.0.0.0"]
