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
## make lint          format, cppcheck, layers, banned calls, file length
lint: lint-layers
	$(Q)tests/lint/lint.sh format cppcheck source
## make lint-all      lint and clang-tidy (minutes)
lint-all: lint
	$(Q)tests/lint/lint.sh tidy
