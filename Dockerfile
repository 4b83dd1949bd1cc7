# syntax=docker/dockerfile:1
# One image for all services; which one it runs is said by its arguments: `run industrial`.
# Pinned by version. Where images are mirrored, give the digest too:
#   docker build --build-arg PYTHON_IMAGE=python:3.13.12-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.13.12-slim-trixie

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements.lock requirements-services.lock ./
# The build's own tool comes from the lock too, with its hashes.
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > build.lock \
    && python -m venv /build/tools \
    && /build/tools/bin/pip install --no-deps --require-hashes --only-binary :all: -r build.lock \
    && python -m venv --without-pip /opt/tanzhang \
    && /build/tools/bin/pip --python /opt/tanzhang install \
        --no-deps --require-hashes --only-binary :all: -r requirements-services.lock
COPY pyproject.toml README.md LICENSE ./
COPY shared shared
COPY services services
COPY tanzhang tanzhang
RUN /build/tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir wheels . \
    && /build/tools/bin/pip --python /opt/tanzhang install --no-deps --no-index wheels/*.whl

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tanzhang" \
      org.opencontainers.image.description="Carbon accounts for a whole city: industrial, agricultural and personal (碳账)" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --system --gid 10001 tanzhang \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin tanzhang
COPY --from=builder /opt/tanzhang /opt/tanzhang
# Nothing is written at run time: the root file system may be read-only. The zone files of the
# city come from the wheel tzdata.
ENV PATH=/opt/tanzhang/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TANZHANG_HOST=0.0.0.0
WORKDIR /opt/tanzhang
USER 10001:10001
EXPOSE 8101-8107
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --start-interval=2s --retries=4 \
    CMD ["python", "-m", "tanzhang.probe"]
ENTRYPOINT ["tanzhang"]
CMD ["--help"]
