#!/usr/bin/env bash
# The checks of `make lint`; `symbols` needs the archives built. Usage: lint.sh format|cppcheck|source|symbols|tidy ...
# Each check is run even when one before it failed; the exit status is 1 when any did.
# LINT_ROOMS (set by make) says for each room its folders and those it may include.
set -u
cd "$(dirname "$0")/../.." || exit 2
work=${LINT_WORK:-build/lint}
mkdir -p "$work"

c_files() {
  find lib stats collectors strategies judge tests demo -name "$1" -not -path '*/corpus/*' 2>/dev/null | sort
}

need() {
  command -v "$1" >/dev/null && return 0
  printf 'lint: %s is not installed (deploy/ has the package lists)\n' "$1" >&2
  return 1
}

lint_format() {
  need clang-format-14 || return 1
  { c_files '*.c'; c_files '*.h'; } | xargs -P2 -n20 clang-format-14 --dry-run -Werror
}

lint_cppcheck() {
  need cppcheck || return 1
  mkdir -p "$work/cppcheck"
  c_files '*.c' >"$work/cppcheck.files"
  # The build folder keeps results of files that did not change.
  cppcheck --quiet --enable=warning,performance,portability --error-exitcode=1 --std=c11 -I. \
    --library=posix --template=gcc -j2 --cppcheck-build-dir="$work/cppcheck" \
    --suppressions-list=tests/lint/cppcheck.txt --file-list="$work/cppcheck.files"
}

lint_source() {
  /usr/bin/python3 tests/lint/test_source.py >"$work/test_source.out" 2>&1 || {
    cat "$work/test_source.out"
    return 1
  }
  /usr/bin/python3 tests/lint/source.py
}

# Two rooms with a function of one name link without a word, and the wrong one is called.
lint_symbols() {
  local twice
  twice=$(nm --defined-only build/release/lib*.a 2>/dev/null | awk 'NF == 3 && $2 ~ /^[TDBR]$/ { print $3 }' | sort | uniq -d)
  [ -z "$twice" ] && return 0
  printf 'defined in two files: %s\n' $twice
  return 1
}

# One file a run: clang 14's check of va_list goes wrong from the second file on.
lint_tidy() {
  need clang-tidy-14 || return 1
  c_files '*.c' | xargs -P2 -n1 sh -c 'clang-tidy-14 --quiet --warnings-as-errors="*" "$@" -- \
    -std=c17 -D_GNU_SOURCE -I. 2>"$0/tidy.$$" || { grep -E "error:" "$0/tidy.$$"; exit 1; }' "$work"
}

status=0
for check in "$@"; do
  start=$(date +%s%N)
  if "lint_$check"; then result=ok; else result=FAIL status=1; fi
  printf '  LINT  %s: %s (%s ms)\n' "$check" "$result" "$((($(date +%s%N) - start) / 1000000))"
done
exit "$status"
