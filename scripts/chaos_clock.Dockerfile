# The API with libfaketime, for a clock that jumps. For tests alone: never deployed.
ARG API_IMAGE=vigie-api:chaos
# hadolint ignore=DL3006
FROM ${API_IMAGE}
USER 0:0
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfaketime=0.9.* \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001
