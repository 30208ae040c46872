#!/usr/bin/env bash
# Makes a Python environment (venv) from a list of PyPI packages, deploy/packages/venv-NAME.txt, with Debian's
# python3, and says what it does. Does nothing when the environment was made from the list as it is now.
# Packages of a changed list are put into a new environment, so none stays that is no longer in it.
#
#   deploy/venv.sh test              build/venv from venv-test.txt
#   deploy/venv.sh gbstats           build/gbstats from venv-gbstats.txt
set -euo pipefail
name=${1:?usage: venv.sh NAME}
root=$(cd "$(dirname "$0")/.." && pwd)
list="$root/deploy/packages/venv-$name.txt"
[ -f "$list" ] || { echo "venv: no list $list" >&2; exit 2; }
home="$root/build/$name"
[ "$name" != test ] || home="$root/build/venv"
made_from="$home/made-from.txt"

mkdir -p "$root/build"
exec 9>"$home.lock"
flock 9
! cmp -s "$list" "$made_from" || exit 0

echo "venv: making ${home#"$root/"} from ${list#"$root/"} with pip (PyPI)"
/usr/bin/python3 -m venv --clear "$home"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --retries 2 --only-binary :all: \
    -r "$list" >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  echo "venv: pip failed" >&2
  exit 1
fi
cp "$list" "$made_from"
