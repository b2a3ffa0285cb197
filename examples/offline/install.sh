#!/bin/sh
# Wheels beside this script in, evrds in an environment of its own out, without internet:  sh install.sh [/opt/evrds]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-/opt/evrds}
case $(uname -m) in x86_64 | aarch64) ;; *) echo "evrds needs a 64-bit system, x86-64 or aarch64; this is $(uname -m)" >&2; exit 2 ;; esac
# A 64-bit kernel may run a 32-bit system: ask the Python that is to be used.
python3 -c 'import sys; sys.exit(0 if sys.maxsize > 2**32 and (3, 11) <= sys.version_info[:2] <= (3, 13) else "evrds needs a 64-bit Python 3.11 to 3.13, with venv")'
python3 -m venv "$target"
pip="$target/bin/python -m pip --disable-pip-version-check install --quiet --no-index"
$pip --find-links "$here" --require-hashes -r "$here/requirements.lock"
$pip --no-deps "$here"/evrds-*.whl
"$target/bin/evrds-receiver" --version
