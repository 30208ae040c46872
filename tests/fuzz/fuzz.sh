#!/usr/bin/env bash
# Runs each fuzz target under build/fuzz for SECONDS, two at a time, with its corpus as seeds; what is found
# new stays under build/. 0 seconds: only the seeds are run. Ends with `N passed, N failed, 0 skipped`.
#
#   tests/fuzz/fuzz.sh SECONDS [NAME...]
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=${1:?usage: fuzz.sh SECONDS [NAME...]}
shift
bins=build/fuzz/tests/fuzz
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for f in tests/fuzz/fuzz_*.c; do
    n=${f##*/fuzz_}
    names+=("${n%.c}")
  done
fi
mkdir -p build/fuzz-found build/fuzz-corpus

fuzz_one() {
  local name=$1 log=build/fuzz-found/$1.log
  mkdir -p "build/fuzz-corpus/$name"
  # A target's tasks are small: 50 MB of input memory would be a fault of its own.
  local args=(-rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="build/fuzz-found/$name-" -max_len=65536)
  if [ "$seconds" -gt 0 ]; then args+=(-max_total_time="$seconds"); else args+=(-runs=0); fi
  if "$bins/fuzz_$name" "${args[@]}" "build/fuzz-corpus/$name" $( [ -d "tests/fuzz/corpus/$name" ] && echo "tests/fuzz/corpus/$name" ) >"$log" 2>&1 </dev/null; then
    printf '  ok    fuzz %s (%s runs)\n' "$name" "$(sed -n 's/stat::number_of_executed_units: *//p' "$log")"
    return 0
  fi
  printf '  FAIL  fuzz %s\n' "$name"
  tail -n 40 "$log" | sed 's/^/        /'
  return 1
}
export -f fuzz_one
export seconds bins
results=$(printf '%s\n' "${names[@]}" | xargs -P2 -I{} bash -c 'fuzz_one {} || echo "failed {}"')
printf '%s\n' "$results" | grep -v '^failed '
failed=$(printf '%s\n' "$results" | grep -c '^failed ')
printf '%d passed, %d failed, 0 skipped\n' $(( ${#names[@]} - failed )) "$failed"
[ "$failed" -eq 0 ]
