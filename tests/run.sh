#!/usr/bin/env bash
# Runs test programs (binaries or python scripts), TEST_JOBS at a time, shows the output of those that fail,
# adds up their closing lines `N passed, N failed, N skipped` and prints one such line. Exit 1 when anything
# failed. A program over TEST_LIMIT_SECONDS is ended and counts as failed. TEST_OUTPUT names a folder that
# keeps what each printed.
set -u
export PATH="$PATH:/usr/sbin:/sbin" # haproxy's place, where a user's PATH may not look
jobs=${TEST_JOBS:-3}
export limit=${TEST_LIMIT_SECONDS:-240}
work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT

# Runs one program; its story goes to $work/N.say, its counts to $work/N.count.
run_one() {
  local n=$1 t=$2 out start rc ms line p f s
  out=$work/$n.out
  start=$(date +%s%N)
  case $t in
    *.py) timeout -k 5 "$limit" "${PYTHON:-/usr/bin/python3}" "$t" >"$out" 2>&1 </dev/null ;;
    *)    timeout -k 5 "$limit" "$t" >"$out" 2>&1 </dev/null ;;
  esac
  rc=$?
  ms=$(( ($(date +%s%N) - start) / 1000000 ))
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1)
  [ -z "${TEST_OUTPUT:-}" ] || cp "$out" "$TEST_OUTPUT/${t##*/}.txt"
  p=0 f=1 s=0
  [ -z "$line" ] || read -r p _ f _ s _ <<<"${line//,/}"
  if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  echo "$p $f $s" >"$work/$n.count"
  if [ "$f" -ne 0 ]; then
    printf '  FAIL  %s (exit %s, %s ms)\n' "$t" "$rc" "$ms"
    # What failed may stand far above the end, which is mostly the log.
    if [ "$(wc -l <"$out")" -gt 60 ]; then
      grep -aE -m 20 '^[a-z/_]+\.[ch]:[0-9]+: |^FAIL|runtime error:|Sanitizer: ' "$out" | sed 's/^/        /'
      printf '        ...\n'
    fi
    tail -n 60 "$out" | sed 's/^/        /'
  else
    printf '  ok    %s (%s ms)\n' "$t" "$ms"
    grep -aE '^(skipped |cells |figure )' "$out" | sed 's/^/        /'
  fi >"$work/$n.say"
  cat "$work/$n.say"
}
export -f run_one

i=0
for t in "$@"; do
  i=$((i + 1))
  printf '%s\0%s\0' "$i" "$t"
done | xargs -0 -r -n2 -P"$jobs" bash -c 'run_one "$1" "$2"' _

passed=0 failed=0 skipped=0
for n in $(seq 1 $#); do
  if [ -f "$work/$n.count" ]; then read -r p f s <"$work/$n.count"; else p=0 f=1 s=0; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
