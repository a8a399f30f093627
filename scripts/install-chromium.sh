#!/usr/bin/env bash
# Gets the browser that tests/browser/ drives: nothing to do where one is found, else Debian's package. The fetched packages
# stay in Millrace's cache, so that a new machine with an old cache fetches nothing. Prints the path of the browser.
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
if node "$here/find-chromium.mjs" 2>/dev/null; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if [ -n "${CHROMIUM_PATH:-}" ] || ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  node "$here/find-chromium.mjs"
fi

cache="${MILLRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace}/apt"
mkdir -p "$cache/partial"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o "Dir::Cache::archives=$cache"
  -o APT::Keep-Downloaded-Packages=true -o APT::Sandbox::User=root -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
"${apt[@]}" update >&2
"${apt[@]}" install -y --no-install-recommends chromium >&2
node "$here/find-chromium.mjs"
