#!/usr/bin/env bash
# Installs what is missing of the package lists named (deploy/packages/NAME.txt), with apt-get, through
# sudo when not root, and says what it does. Does nothing when everything is there.
#
#   deploy/setup.sh build demo
#   deploy/setup.sh --list test      print the packages of a list
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

packages_of() {
  local list="$here/packages/$1.txt"
  [ -f "$list" ] || { echo "setup: no list '$1'; there are: $(cd "$here/packages" && ls | sed 's/\.txt$//' | tr '\n' ' ')" >&2; exit 2; }
  grep -vE '^\s*(#|$)' "$list"
}

if [ "${1:-}" = --list ]; then
  packages_of "${2:?usage: setup.sh --list NAME}"
  exit 0
fi

missing=()
for name in "$@"; do
  while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
    # node and npm may have come from elsewhere than Debian's packages
    case $package in nodejs) command -v node >/dev/null && continue ;; npm) command -v npm >/dev/null && continue ;; esac
    missing+=("$package")
  done < <(packages_of "$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: missing ${missing[*]}; run as root or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
# Debian starts redis-server and haproxy as system services when they are installed. We run our own private
# ones, so a policy that says no is in place for the time of the install, unless the machine has its own.
policy=/usr/sbin/policy-rc.d
made_policy=0
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
  made_policy=1
fi
status=0
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/judge-setup.$$.log 2>&1 </dev/null || status=$?
[ $made_policy -eq 0 ] || "${as_root[@]}" rm -f $policy
if [ $status -ne 0 ]; then
  tail -n 30 /tmp/judge-setup.$$.log >&2
  echo "setup: apt-get failed" >&2
fi
rm -f /tmp/judge-setup.$$.log
exit $status
