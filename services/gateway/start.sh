#!/bin/sh
# Fill the addresses in, then become nginx. Anything else that the container is told to run runs as it is.
set -eu
if [ "$1" = nginx ]; then
    # shellcheck disable=SC2016 # names for envsubst, not values for the shell
    envsubst '${VIGIE_GATEWAY_UI} ${VIGIE_GATEWAY_API} ${VIGIE_GATEWAY_MLFLOW} ${VIGIE_GATEWAY_RESOLVER}' \
        </etc/nginx/templates/vigie.conf.template >/tmp/vigie.conf
fi
exec "$@"
