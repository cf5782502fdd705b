# The API with libfaketime, for a clock that jumps. For tests alone: never deployed.
ARG API_IMAGE=vigie-api:chaos
# hadolint ignore=DL3006
FROM ${API_IMAGE}
USER 0:0
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfaketime=0.9.* \
 && rm -rf /var/lib/apt/lists/*
# libfaketime, told to leave the monotonic clock alone, refuses clock_nanosleep on it, which is what Python sleeps with.
RUN printf '%s\n' 'import select' 'import time' \
        'time.sleep = lambda seconds: select.select([], [], [], max(0, seconds)) and None' \
    > /opt/vigie/lib/python3.11/site-packages/chaos_sleep.py \
 && echo 'import chaos_sleep' > /opt/vigie/lib/python3.11/site-packages/chaos_sleep.pth
USER 10001:10001
