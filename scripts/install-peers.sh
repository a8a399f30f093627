#!/usr/bin/env bash
# Gets the servers that stand for warehouses, buckets and databases in the tests into Millrace's cache. Where no Python can install them, Debian's
# package is taken first. What was got before is found and not fetched again. Prints the path of each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

has_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys, venv
assert sys.version_info >= (3, 11)
try: import ensurepip
except ImportError: import pip' 2>/dev/null; then return 0; fi
  done
  return 1
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if ! has_python && command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  echo 'Python 3.11 with venv: installing the package of Debian …' >&2
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update >&2
  "${apt[@]}" install -y --no-install-recommends python3 python3-venv >&2
fi
npm run --silent peers
