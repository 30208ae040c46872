#!/usr/bin/env bash
# `make test`: builds the flavours and runs everything, two things at a time where they do not disturb each
# other. Ends with one line `N passed, N failed, N skipped`. Logs stay in build/test/.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/test
passed=0 failed=0 skipped=0
began=$(date +%s)

# Adds up the closing lines in a log; a log without one counts as one failure.
count() {
  local line p f s
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1" | tail -n 1)
  if [ -z "$line" ]; then
    failed=$((failed + 1))
    return
  fi
  read -r p _ f _ s _ <<<"${line//,/}"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# part NAME COMMAND...: runs it, shows its output, counts.
part() {
  local name=$1 start
  shift
  start=$(date +%s)
  printf '== %s\n' "$name"
  "$@" </dev/null >"build/test/$name.log" 2>&1
  local rc=$?
  grep -avE '^[0-9]+ passed, ' "build/test/$name.log"
  count "build/test/$name.log"
  if [ $rc -ne 0 ] && ! grep -aqE '^[0-9]+ passed, [1-9][0-9]* failed|^[0-9]+ passed, 0 failed' "build/test/$name.log"; then
    printf '   %s ended with status %d\n' "$name" $rc
  fi
  printf '   %s: %d s\n' "$name" $(($(date +%s) - start))
}

build() {
  printf '== build %s\n' "$*"
  if ! make --no-print-directory -j2 "$@" >build/test/build.log 2>&1; then
    tail -n 60 build/test/build.log
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
  fi
}

build all test-bins demo-bins doubles
part unit tests/run.sh $(make --no-print-directory -s print-test-bins)
part e2e tests/run.sh tests/e2e/test_*.py
build FLAVOUR=asan test-bins
part asan env ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 tests/run.sh $(make --no-print-directory -s FLAVOUR=asan print-test-bins)
build FLAVOUR=tsan test-bins
part tsan env TSAN_OPTIONS=halt_on_error=1 tests/run.sh $(make --no-print-directory -s FLAVOUR=tsan print-test-bins)
build FLAVOUR=fuzz fuzz-bins
part fuzz tests/fuzz/fuzz.sh 0
printf 'took %d s\n' $(($(date +%s) - began))
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
