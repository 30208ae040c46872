#!/usr/bin/env bash
# Runs test programs (binaries or python scripts), shows the output of those that fail, adds up their
# closing lines `N passed, N failed, N skipped` and prints one such line. Exit 1 when anything failed.
set -u
passed=0 failed=0 skipped=0
limit=${TEST_LIMIT_SECONDS:-240}
for t in "$@"; do
  out=$(mktemp)
  start=$(date +%s%N)
  case $t in
    *.py) timeout -k 5 "$limit" "${PYTHON:-/usr/bin/python3}" "$t" >"$out" 2>&1 </dev/null ;;
    *)    timeout -k 5 "$limit" "$t" >"$out" 2>&1 </dev/null ;;
  esac
  rc=$?
  ms=$(( ($(date +%s%N) - start) / 1000000 ))
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1)
  if [ -n "$line" ]; then
    read -r p _ f _ s _ <<<"${line//,/}"
  else
    p=0 f=1 s=0
  fi
  if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if [ "$f" -ne 0 ]; then
    printf '  FAIL  %s (exit %s, %s ms)\n' "$t" "$rc" "$ms"
    sed 's/^/        /' "$out" | tail -n 60
  else
    printf '  ok    %s (%s ms)\n' "$t" "$ms"
    grep -a '^skipped ' "$out" | sed 's/^/        /'
  fi
  rm -f "$out"
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
