#!/usr/bin/env bash
# Nothing in; out: the outside programs that tests marked `peer` talk to, installed. Run by `make peers`.
set -euo pipefail
cd "$(dirname "$0")"

# Every package that a `peer` marker names by `debian=`; tests/house/test_peers.py holds the two together.
packages=(chromium gcc libusb-1.0-0-dev mosquitto nodejs npm rtl-433 rtl-sdr)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# A package that gives a program of its own name is here, too, if that comes from elsewhere (npm, from Node's own package).
wanting=()
for package in "${packages[@]}"; do
    command -v "$package" >/dev/null || dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || wanting+=("$package")
done

if [ "${#wanting[@]}" -gt 0 ]; then
    as_root apt-get update
    as_root apt-get install --yes --no-install-recommends "${wanting[@]}"
fi
if [ -f live/package-lock.json ]; then
    npm ci --prefix live
elif [ "${#wanting[@]}" -eq 0 ]; then
    echo "peers: nothing to install"
fi
