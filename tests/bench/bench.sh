#!/usr/bin/env bash
# Runs the benchmarks one after the other, gathers their `JSON {...}` lines into one array and shows them as
# one table. What else they say stays in build/bench/; a program that fails is shown, and the exit status is 1.
#
#   bench.sh OUT.json PROGRAM...
set -u
out=$1
shift
here=$(dirname "$0")
load=$(cut -d " " -f 1 /proc/loadavg)
logs=build/bench
mkdir -p "$(dirname "$out")" "$logs"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
failed=0
for b in "$@"; do
  name=$(basename "$b" .py)
  printf 'bench: %s\n' "$name" >&2
  case $b in
    *.py) timeout 600 /usr/bin/python3 "$b" ;;
    *)    timeout 600 "$b" ;;
  esac >"$logs/$name.log" 2>&1 </dev/null || {
    failed=1
    printf 'bench: %s failed\n' "$name" >&2
    tail -n 40 "$logs/$name.log" >&2
  }
  sed -n 's/^JSON //p' "$logs/$name.log" >>"$lines"
  grep -a ' skipped, ' "$logs/$name.log" | grep -avE '^[0-9]+ passed' >&2
done
/usr/bin/python3 "$here/table.py" "$out" "$load" <"$lines" || failed=1
exit $failed
