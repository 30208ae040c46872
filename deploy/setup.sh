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
  [ -f "$list" ] || { echo "setup: no list '$1'; there are: $(cd "$here/packages" && ls | grep -v ^venv- | sed 's/\.txt$//' | tr '\n' ' ')" >&2; exit 2; }
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

command -v apt-get >/dev/null || { echo "setup: missing ${missing[*]}; there is no apt-get here, install them by hand" >&2; exit 1; }
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: missing ${missing[*]}; run as root or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
# Debian starts redis-server and haproxy as system services when they are installed. We run our own private
# ones, so a policy that says no is in place for the time of the install, unless the machine has its own,
# and the services are disabled, or they would start with the next boot.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
made_policy=0
clean_up() {
  rm -f "$log"
  [ $made_policy -eq 0 ] || "${as_root[@]}" rm -f $policy
}
trap clean_up EXIT
if [ ! -e $policy ]; then
  made_policy=1
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
fi
status=0
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null || status=$?
if [ $status -ne 0 ]; then
  tail -n 30 "$log" >&2
  echo "setup: apt-get failed" >&2
fi
for service in redis-server haproxy; do
  case " ${missing[*]} " in *" $service "*) ;; *) continue ;; esac
  ! command -v systemctl >/dev/null || "${as_root[@]}" systemctl --quiet disable "$service" >/dev/null 2>&1 || :
done
exit $status
