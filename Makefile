# Release Judge: one Makefile. `make help` lists the targets.
#
# Objects live under build/<flavour>/, one archive a room; `make` leaves build/judged and build/judgectl.
# Flavours: release (default), asan (address + undefined), tsan, cov, fuzz: `make FLAVOUR=asan check`.

FLAVOUR ?= release
B := build/$(FLAVOUR)
CC := $(if $(filter fuzz,$(FLAVOUR)),clang-14,gcc)
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral -Wno-unused-parameter
ifneq ($(CI),)
WARN += -Werror
endif
CFLAGS_release := -O2 -g
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread
CFLAGS_cov := -O0 -g --coverage
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
               -fno-omit-frame-pointer -Wno-unknown-warning-option -Wno-gnu-folding-constant
CFLAGS := -std=c17 -D_GNU_SOURCE -ffp-contract=off -fno-strict-aliasing -fstack-protector-strong \
          -pthread -I. $(WARN) $(CFLAGS_$(FLAVOUR)) $(EXTRA_CFLAGS)
LDFLAGS := -pthread $(filter-out -fsanitize=fuzzer-no-link%,$(filter -fsanitize% --coverage,$(CFLAGS_$(FLAVOUR))))

# --- Rooms, lowest first. A room's archive holds every .c directly in its folder (and the folders
# named beside it); `needs` is what it may call. `make lint` links each room against exactly that.
ROOMS := base sketch model crypto net aws redis store stats collectors strategies vocabulary decide simulate backtest report eval daemon ctl
dirs_base := lib/base
dirs_sketch := lib/sketch
dirs_model := lib/model
dirs_crypto := lib/crypto
dirs_net := lib/net
dirs_aws := lib/aws
dirs_redis := lib/redis
dirs_store := lib/store
# stats: every method in the folder of its school
dirs_stats := $(patsubst %/,%,$(sort $(wildcard stats/*/)))
dirs_collectors := collectors $(patsubst %/,%,$(sort $(wildcard collectors/*/)))
dirs_strategies := strategies strategies/platforms
dirs_vocabulary := judge/vocabulary
dirs_decide := judge/decide
dirs_simulate := judge/simulate
dirs_backtest := judge/backtest
dirs_report := judge/report
dirs_eval := judge/eval
dirs_daemon := judge/daemon judge/api judge/web
dirs_ctl := judge/ctl

needs_base :=
needs_sketch := base
needs_model := sketch base
needs_crypto := base
needs_net := crypto base
needs_aws := net crypto base
needs_redis := net crypto base
needs_store := redis net crypto model sketch base
needs_stats := sketch base
needs_collectors := store redis aws net crypto model sketch base
needs_strategies := store redis aws net crypto model sketch base
needs_vocabulary := strategies collectors store redis aws net crypto model sketch base
needs_decide := stats model sketch base
needs_simulate := decide stats model sketch base
needs_backtest := decide stats collectors store redis aws net crypto model sketch base
needs_report := model sketch base
needs_eval := stats sketch base
needs_daemon := report vocabulary strategies collectors decide stats store redis aws net crypto model sketch base
needs_ctl := report eval simulate backtest vocabulary strategies collectors decide stats store redis aws net crypto model sketch base

# Libraries: only these rooms may use them.
libs_base := -ljansson -lyaml -lz -lm
libs_crypto := -lcrypto
libs_net := -lmicrohttpd -lcurl -lssl -lcrypto
libs_aws := -lexpat
libs_redis := -lhiredis
libs_collectors := -lsnappy
libs_stats := -lgsl -lgslcblas -lm

archive = $(B)/lib$(1).a
sources = $(wildcard $(addsuffix /*.c,$(dirs_$(1))))
# The mains are linked by name, not put in an archive.
MAINS := judge/daemon/main.c judge/ctl/main.c
objects = $(patsubst %.c,$(B)/%.o,$(filter-out $(MAINS),$(call sources,$(1))))
closure = $(1) $(needs_$(1))
link_archives = $(foreach r,$(call closure,$(1)),$(call archive,$(r)))
link_libs = $(foreach r,$(call closure,$(1)),$(libs_$(r)))

.PHONY: all
all: build/judged build/judgectl
	@:

build/judged build/judgectl: build/%: $(B)/%
	$(Q)mkdir -p build && ln -sf $(FLAVOUR)/$* $@

$(B)/judged: $(B)/judge/daemon/main.o $(call link_archives,daemon)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(call link_archives,daemon) -Wl,--end-group $(call link_libs,daemon)

$(B)/judgectl: $(B)/judge/ctl/main.o $(call link_archives,ctl)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(call link_archives,ctl) -Wl,--end-group $(call link_libs,ctl)

define room_rule
$(call archive,$(1)): $(call objects,$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))

# Page assets are embedded with .incbin, which -MMD does not see.
$(B)/judge/web/assets.o: $(wildcard judge/web/*.css judge/web/*.js judge/web/*.html judge/web/*.svg)
$(B)/judge/report/style.o: judge/report/report.css

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# --- Tests: tests/<dir>/test_<file>.c links its room's archive and those below it.
room_of = $(strip $(if $(filter tests/lib/%,$(1)),$(word 3,$(subst /, ,$(1))),\
          $(if $(filter tests/judge/%,$(1)),$(word 3,$(subst /, ,$(1))),$(word 2,$(subst /, ,$(1))))))
TEST_SOURCES := $(wildcard tests/lib/*/test_*.c tests/stats/*/test_*.c tests/collectors/test_*.c \
                tests/strategies/test_*.c tests/judge/*/test_*.c)
TEST_BINS := $(patsubst %.c,$(B)/%,$(TEST_SOURCES))
SUPPORT := $(patsubst %.c,$(B)/%.o,$(wildcard tests/support/*.c))

.SECONDEXPANSION:
$(TEST_BINS): $(B)/%: $(B)/%.o $(SUPPORT) $$(call link_archives,$$(call room_of,$$*))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(SUPPORT) -Wl,--start-group $(call link_archives,$(call room_of,$*)) -Wl,--end-group \
	  $(call link_libs,$(call room_of,$*)) -ljansson -lm

.PHONY: test-bins
test-bins: $(TEST_BINS)

include deploy/install.mk
include tests/tests.mk

.PHONY: clean help
clean:
	rm -rf build

help:
	@sed -n 's/^## //p' Makefile deploy/install.mk tests/tests.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)
