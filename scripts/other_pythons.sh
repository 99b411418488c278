#!/bin/sh
# Runs the SOAP tests on the other Pythons of this machine (3.12, 3.13): spyne imports there only with our help.
# Each gets an environment of its own beside the temporary files, with the locked versions. Where none is found, says so and succeeds.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    if command -v "python$1" >/dev/null 2>&1 && "python$1" -c '' 2>/dev/null; then
        command -v "python$1"
        return
    fi
    root="${PYENV_ROOT:-$HOME/.pyenv}"
    for candidate in "$root/versions/$1".*/bin/python; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
}

for version in ${VERSIONS:-3.12 3.13}; do
    python="$(find_python "$version")"
    if [ -z "$python" ]; then
        echo "Python $version is not on this machine; its tests are not run."
        continue
    fi
    environment="${ENVIRONMENTS:-${TMPDIR:-/tmp}/affinity-pythons}/$version"
    mkdir -p "$environment"
    [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
    # the versions of the lock, for the few of its packages that these tests need
    sed -n 's/^\([A-Za-z0-9._-]*==[^\\]*[^ \\]\) *\\*$/\1/p' requirements-dev.lock >"$environment/versions.txt"
    "$environment/bin/python" - >"$environment/needs.txt" <<'PYTHON'
import tomllib

project = tomllib.load(open("pyproject.toml", "rb"))["project"]
print("\n".join([*project["dependencies"], "hypothesis", "pytest", "pytest-timeout", "pytest-xdist", "trustme"]))
PYTHON
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        -c "$environment/versions.txt" -r "$environment/needs.txt"
    echo "Python $("$environment/bin/python" -c 'import platform; print(platform.python_version())'):"
    "$environment/bin/python" -m pytest -q -p no:cacheprovider \
        tests/unit/soap tests/properties/test_mtom.py tests/faults/test_hostile_soap.py
done
