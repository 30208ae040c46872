# Test, lint, fuzz and bench targets; included by the Makefile.
.PHONY: check
check: test-bins
	$(Q)tests/run.sh $(TEST_BINS)

# --- Lint
# Each room's whole archive is linked against the archives it needs and their libraries, nothing else:
# a call to a room that is not below it is an undefined symbol.
lint_rooms := $(foreach r,$(ROOMS),$(if $(call objects,$(r)),$(r)))
lint_needs = $(filter $(lint_rooms),$(needs_$(1)))

# A room with a program is linked with its own main, the others with an empty one.
lint_main = $(patsubst %.c,$(B)/%.o,$(filter $(MAINS),$(call sources,$(1))))

define layer_rule
$(B)/lint/$(1).layer: $(call archive,$(1)) $(call lint_main,$(1)) $(foreach r,$(call lint_needs,$(1)),$(call archive,$(r)))
	$$(call say,LAYER,$(1))
	$$(Q)mkdir -p $$(@D) && echo '$(if $(call lint_main,$(1)),,int main(void) { return 0; })' | \
	  $$(CC) $$(LDFLAGS) -o $$@ -x c - -x none $(call lint_main,$(1)) \
	  -Wl,--whole-archive $(call archive,$(1)) -Wl,--no-whole-archive \
	  -Wl,--start-group $(foreach r,$(call lint_needs,$(1)),$(call archive,$(r))) -Wl,--end-group \
	  $(foreach r,$(1) $(call lint_needs,$(1)),$(libs_$(r)))
endef
$(foreach r,$(lint_rooms),$(eval $(call layer_rule,$(r))))

define newline


endef
export LINT_ROOMS := $(foreach r,$(ROOMS),$(r)|$(dirs_$(r))|$(foreach n,$(needs_$(r)),$(dirs_$(n)))$(newline))

.PHONY: lint lint-all lint-layers
lint-layers: $(foreach r,$(lint_rooms),$(B)/lint/$(r).layer)
## make lint          format, cppcheck, layers, banned calls, file length, names used twice
lint: setup-lint
	$(Q)$(MAKE) --no-print-directory -j2 lint-layers
	$(Q)tests/lint/lint.sh format cppcheck source symbols
## make lint-all      lint and clang-tidy (minutes)
lint-all: lint
	$(Q)tests/lint/lint.sh tidy

# --- The demo and a service to play with
DEMO_BINS := build/demo-bin/shop build/demo-bin/crowd
build/demo-bin/%: demo/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=c17 -D_GNU_SOURCE -O2 -pthread $(WARN) -o $@ $< -lmicrohttpd -lm

## make setup-build   install what plain `make` needs; also setup-demo, setup-test, setup-lint, setup-bench
.PHONY: demo run setup-build setup-demo setup-test setup-lint setup-bench
setup-build setup-demo setup-test setup-lint setup-bench: setup-%:
	$(Q)deploy/setup.sh build $*
	$(if $(filter setup-test,$@),$(Q)deploy/venv.sh test && deploy/npm.sh)

## make demo          install what it needs, build, and watch four releases being judged (3 minutes)
demo: setup-demo
	$(Q)$(MAKE) --no-print-directory -j2 all $(DEMO_BINS)
	$(Q)/usr/bin/python3 demo/demo.py

## make run           judged on http://127.0.0.1:8700 with the embedded Redis, state in build/run
run: setup-build
	$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)mkdir -p build/run && chmod 700 build/run
	@echo 'judged on http://127.0.0.1:8700 (log in with the token in build/run/admin.token);'
	@echo 'in another shell: export JUDGE_STATE="$(CURDIR)/build/run"; build/judgectl list'
	$(Q)exec build/judged --state '$(CURDIR)/build/run'

# --- Fuzz targets: each names its rooms in its first line, `// rooms: base model`. Built by clang into
# build/fuzz (FLAVOUR=fuzz); fuzz.sh runs them.
FUZZ_SECONDS ?= 600
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS := $(patsubst %.c,$(B)/%,$(FUZZ_SOURCES))
fuzz_rooms = $(shell sed -n '1s|^// rooms: *||p' $(1))
define fuzz_rule
$(B)/$(1:.c=): $(B)/$(1:.c=.o) $(foreach r,$(call fuzz_rooms,$(1)),$(call archive,$(r)))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $$@ $$< -Wl,--start-group \
	  $(foreach r,$(call fuzz_rooms,$(1)),$(call archive,$(r))) -Wl,--end-group $(foreach r,$(call fuzz_rooms,$(1)),$(libs_$(r))) -lm
endef
ifeq ($(FLAVOUR),fuzz)
$(foreach f,$(FUZZ_SOURCES),$(eval $(call fuzz_rule,$(f))))
endif

.PHONY: fuzz fuzz-bins
## make fuzz          every parser under libFuzzer with ASan and UBSan, FUZZ_SECONDS each (600: four hours and a half)
fuzz: setup-test
	$(Q)$(MAKE) --no-print-directory -j2 FLAVOUR=fuzz fuzz-bins
	$(Q)tests/fuzz/fuzz.sh $(FUZZ_SECONDS)
fuzz-bins: $(FUZZ_BINS)

## make test          install what it needs, build three flavours, run all tests (under 15 minutes)
.PHONY: test
test: setup-test
	$(Q)tests/all.sh
.PHONY: demo-bins doubles print-test-bins
demo-bins: $(DEMO_BINS)
print-test-bins:
	@echo $(TEST_BINS)

# Doubles and helpers of the end-to-end tests: one program a file.
DOUBLE_BINS := $(patsubst tests/doubles/%.c,build/doubles/%,$(wildcard tests/doubles/*.c))
doubles: $(DOUBLE_BINS)
test-bins: doubles
build/doubles/%: tests/doubles/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=c17 -D_GNU_SOURCE -O2 -g -pthread -I. $(WARN) -o $@ $<

# The calibration table: its cells are files of one program.
CALIBRATE := $(B)/tests/calibration/calibrate
CALIBRATE_ROOMS := simulate decide stats model sketch base
$(CALIBRATE): $(patsubst %.c,$(B)/%.o,$(wildcard tests/calibration/*.c)) $(foreach r,$(CALIBRATE_ROOMS),$(call archive,$(r)))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	  $(foreach r,$(CALIBRATE_ROOMS),$(libs_$(r)))
.PHONY: calibrate
## make calibrate     the table of error rates and efficiencies of every anytime method (40 minutes)
calibrate: $(CALIBRATE)
	$(Q)$(CALIBRATE)

## make test-long     long simulations, the calibration table, the canary at 20,000 runs a row, every crash (2 hours)
.PHONY: test-long
test-long: setup-test
	$(Q)tests/all.sh long

# --- Benchmarks: each names its rooms in its first line, as the fuzz targets do.
BENCH_SOURCES := $(wildcard tests/bench/bench_*.c)
BENCH_BINS := $(patsubst %.c,$(B)/%,$(BENCH_SOURCES))
define bench_rule
$(B)/$(1:.c=): $(B)/$(1:.c=.o) $(SUPPORT) $(foreach r,$(call fuzz_rooms,$(1)),$(call archive,$(r)))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$< $(SUPPORT) -Wl,--start-group \
	  $(foreach r,$(call fuzz_rooms,$(1)),$(call archive,$(r))) -Wl,--end-group \
	  $(foreach r,$(call fuzz_rooms,$(1)),$(libs_$(r))) -ljansson -lm
endef
$(foreach f,$(BENCH_SOURCES),$(eval $(call bench_rule,$(f))))

# The floor of verdict reads: a server that does nothing, with nothing of ours in it.
build/bench-bin/empty_http: tests/bench/empty_http.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=c17 -D_GNU_SOURCE -O2 $(WARN) -o $@ $< -lmicrohttpd

.PHONY: bench bench-bins
bench-bins: $(BENCH_BINS) build/bench-bin/empty_http
## make bench         figures beside floors measured in the same run: a table, and build/bench.json (5 minutes)
bench: setup-build setup-bench
	$(Q)$(MAKE) --no-print-directory -j2 all bench-bins
	$(Q)JUDGED=$(abspath $(B)/judged) JUDGECTL=$(abspath $(B)/judgectl) tests/bench/bench.sh build/bench.json $(BENCH_BINS) $(sort $(wildcard tests/bench/bench_*.py tests/bench/peer_*.py))
