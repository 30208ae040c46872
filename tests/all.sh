#!/usr/bin/env bash
# `make test`: builds the flavours and runs everything. Ends with one line `N passed, N failed, N skipped`.
# Logs stay in build/test/. `tests/all.sh long` is `make test-long`: what takes hours, each simulation's table
# in build/test-long/.
#
# What runs under which flavour: all tests as released; all but the simulations with AddressSanitizer and
# UBSan; the rooms that have threads with TSan; every fuzz target over its seeds; a small calibration table.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/test
passed=0 failed=0 skipped=0
began=$(date +%s)
simulations='test_sim_|test_walks$|test_canonical$'
threaded='lib/base/test_queue|lib/net/|lib/aws/test_calls|lib/redis/|lib/store/|collectors/test_(aggregator|datagrams|streams|scrape|outage|failover)|strategies/test_(runner|webhook)|judge/daemon/|judge/simulate/test_traffic'

# Adds up the closing line of a log; a log without one counts as one failure.
count() {
  local line p f s
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1" | tail -n 1)
  if [ -z "$line" ]; then
    failed=$((failed + 1))
    printf '   no closing line in %s\n' "$1"
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
  "$@" </dev/null 2>&1 | tee "build/test/$name.log" | grep -avE '^[0-9]+ passed, '
  count "build/test/$name.log"
  printf '   %s: %d s\n' "$name" $(($(date +%s) - start))
}

build() {
  local start
  start=$(date +%s)
  printf '== build %s\n' "$*"
  if ! make --no-print-directory -j2 "$@" >build/test/build.log 2>&1; then
    tail -n 60 build/test/build.log
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
  fi
  printf '   built in %d s\n' $(($(date +%s) - start))
}

bins() {
  make --no-print-directory -s FLAVOUR="$1" print-test-bins | tr ' ' '\n'
}

calibrate=build/release/tests/calibration/calibrate

short() {
  build all test-bins demo-bins doubles $calibrate
  part unit tests/run.sh $(bins release)
  part calibration $calibrate --small
  part e2e env TEST_JOBS=2 tests/run.sh tests/e2e/test_*.py tests/docs/test_*.py tests/stats/test_*.py
  build FLAVOUR=asan test-bins
  part asan env ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 tests/run.sh $(bins asan | grep -vE "$simulations")
  build FLAVOUR=tsan test-bins
  part tsan env TSAN_OPTIONS=halt_on_error=1 tests/run.sh $(bins tsan | grep -E "$threaded")
  build FLAVOUR=fuzz fuzz-bins
  part fuzz tests/fuzz/fuzz.sh 0
}

# The simulations of a single thread go two at a time.
long() {
  build all test-bins doubles $calibrate
  mkdir -p build/test-long
  part simulations env JUDGE_LONG=1 TEST_JOBS=2 TEST_LIMIT_SECONDS=7200 TEST_OUTPUT=build/test-long \
    tests/run.sh $(grep -l sim_runs tests/stats/*/test_*.c | sed 's|^|build/release/|; s|\.c$||')
  part calibration-long $calibrate
  part canary-long build/release/tests/judge/simulate/test_sim_canary --full
  part crash-long env CRASH_CELLS=all /usr/bin/python3 tests/e2e/test_crash.py
  part exactly-once-long env JUDGE_LONG=1 /usr/bin/python3 tests/e2e/test_exactly_once.py
}

if [ "${1:-short}" = long ]; then long; else short; fi
printf 'took %d s\n' $(($(date +%s) - began))
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
