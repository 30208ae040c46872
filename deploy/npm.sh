#!/usr/bin/env bash
# Installs the npm packages of the tests (tests/node/package.json and its lock) into build/node, and says what it
# does. Does nothing when they were installed from the lock as it is now.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
home="$root/build/node"
mkdir -p "$home"
exec 9>"$home.lock"
flock 9
! cmp -s "$root/tests/node/package-lock.json" "$home/made-from.json" || exit 0

echo "npm: installing into build/node from tests/node/package-lock.json"
cp "$root/tests/node/package.json" "$root/tests/node/package-lock.json" "$home/"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# unix-dgram is compiled here, with the headers of Debian's libnode-dev where that is what node came from
nodedir=()
[ ! -e /usr/include/node/node.h ] || nodedir=(--nodedir=/usr)
if ! npm ci --prefix "$home" --no-audit --no-fund --loglevel=error "${nodedir[@]}" >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  echo "npm: npm ci failed" >&2
  exit 1
fi
cp "$root/tests/node/package-lock.json" "$home/made-from.json"
