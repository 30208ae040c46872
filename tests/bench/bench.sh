#!/usr/bin/env bash
# Runs the benchmarks: shows their tables, gathers their `JSON {...}` lines into one array.
set -u
out=$1
shift
mkdir -p "$(dirname "$out")"
lines=$(mktemp)
failed=0
for b in "$@"; do
  log=$(mktemp)
  case $b in
    *.py) timeout 600 /usr/bin/python3 "$b" >"$log" 2>&1 || failed=1 ;;
    *)    timeout 600 "$b" >"$log" 2>&1 || failed=1 ;;
  esac
  grep -avE '^JSON |^[0-9]+ passed, ' "$log"
  sed -n 's/^JSON //p' "$log" >>"$lines"
  rm -f "$log"
done
{ echo '['; sed '$!s/$/,/' "$lines"; echo ']'; } >"$out"
rm -f "$lines"
echo "figures: $out"
exit $failed
