#!/usr/bin/env bash
# Bring what a fresh machine lacks: uv (from PyPI) and the locked environment. Safe to run again; quick when all is there.
#   scripts/setup.sh          what demo and the commands need
#   scripts/setup.sh deep     and what trains networks and word vectors: TensorFlow, KerasHub, gensim (about 2 GB)
#   scripts/setup.sh spark    what demo and the commands need, and what scores on Spark: PySpark and, as root, Java (0.5 GB)
#   scripts/setup.sh tests    and what the tests need: all of that, Chromium, PostgreSQL, Prometheus and Azurite
set -euo pipefail
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3.12 python3; do
        if "$candidate" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "Vigie needs Python 3.11 or 3.12, and none is on the PATH. Install one, or name it: make PYTHON=/path/to/python3.11 setup" >&2
    return 1
}

install_uv() {
    command -v uv >/dev/null 2>&1 && return
    [ -x .tools/bin/uv ] && return
    local python
    python=$(find_python)
    echo "Installing uv $UV_VERSION from PyPI ..." >&2
    # Into the interpreter at hand where that is allowed, so that "uv run" works in this shell at once ...
    if "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore "uv==$UV_VERSION" 2>/dev/null; then
        hash -r
        command -v uv >/dev/null 2>&1 && return
    fi
    # ... else (a distribution that manages its own Python) into a private environment of this folder.
    "$python" -m venv .tools
    .tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
    echo "uv is in .tools/bin. To call it yourself: export PATH=\"$PWD/.tools/bin:\$PATH\"" >&2
}

# Spark 4 runs on Java 17 and newer.
has_java() {
    local version
    version=$("${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1) || return 1
    [[ $version =~ version\ \"([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 17 ]
}

# What Debian has and this machine lacks: for the tests, or for Spark alone.
install_debian_packages() {
    local missing=()
    has_java || missing+=(openjdk-17-jre-headless)
    if [ "$1" = tests ]; then
        command -v chromium >/dev/null 2>&1 || missing+=(chromium fonts-noto-color-emoji)
        compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null 2>&1 || missing+=(postgresql)
        { command -v prometheus && command -v promtool; } >/dev/null 2>&1 || missing+=(prometheus)
    fi
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "$2: ${missing[*]}. Install them (Debian, Ubuntu: sudo apt-get install -y ${missing[*]}) and run again." >&2
        return 1
    fi
    echo "Installing ${missing[*]} for $1 ..." >&2
    apt-get update -qq
    # A packaged server would start at once and take port 5432; the tests start their own, on free ports.
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/vigie.conf
    # The same goes for Prometheus, whose package starts one on port 9090 unless its unit is masked.
    if command -v systemctl >/dev/null 2>&1; then
        systemctl mask --quiet prometheus.service 2>/dev/null || true
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Azure's Blob storage for the tests, with the Node of the environment.
install_azurite() {
    local folder=services/mlflow/tests/azurite
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
    echo "Installing Azurite for the tests ..." >&2
    PATH="$PWD/.venv/bin:$PATH" npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent
}

# Clients of the Open Inference Protocol for the tests, in an environment of their own.
install_inference_clients() {
    local folder=tests/contract/inference_clients
    [ "$folder/.venv/installed" -nt "$folder/requirements.txt" ] && return
    echo "Installing MLServer's and Triton's clients for the tests ..." >&2
    uv venv --quiet --clear --python .venv/bin/python "$folder/.venv"
    uv pip sync --quiet --python "$folder/.venv/bin/python" --require-hashes "$folder/requirements.txt"
    touch "$folder/.venv/installed"
}

install_uv
PATH="$PATH:$PWD/.tools/bin"
case "${1:-}" in
    deep) EXTRAS=(--extra deep) ;;
    spark) EXTRAS=(--extra spark) ;;
    tests) EXTRAS=(--extra deep --extra spark) ;;
    *) EXTRAS=() ;;
esac
# Inexact: a set-up for the demo leaves what an earlier one for the tests installed.
# Compiled at once: where PYTHONDONTWRITEBYTECODE is set, every start of MLflow would else take 20 s.
if [ -d .venv ]; then
    uv sync --locked --inexact --quiet --compile-bytecode "${EXTRAS[@]}"
else
    echo "Installing Vigie's locked environment into .venv (a minute or two, the first time) ..." >&2
    uv sync --locked --inexact --compile-bytecode --no-progress "${EXTRAS[@]}" 2>&1 | grep -v '^ [+~-]' >&2
fi
case "${1:-}" in
    spark) install_debian_packages spark "Spark needs" ;;
    tests)
        install_debian_packages tests "The tests need"
        install_azurite
        install_inference_clients
        ;;
esac
