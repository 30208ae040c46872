# Test, lint, fuzz and bench targets; included by the Makefile.
.PHONY: check
check: test-bins
	$(Q)tests/run.sh $(TEST_BINS)
