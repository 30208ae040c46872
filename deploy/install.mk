# Installing, and the statistics as a library of its own; included by the Makefile.
PREFIX ?= /usr/local
DESTDIR ?=
INSTALL ?= install

# --- libjudgestats, apart from the archives of the rooms: every method and exactly what they call of lib/. Its headers are stats/*/*.h but
# for *_priv.h, and what those include.
LIBRARY_PARTS := lib/base/arena lib/base/buf lib/base/err lib/sketch/hist lib/sketch/moments
$(B)/library/libjudgestats.a: $(call objects,stats) $(patsubst %,$(B)/%.o,$(LIBRARY_PARTS))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^
build/libjudgestats.a: build/%: $(B)/library/%
	$(Q)mkdir -p build && ln -sf $(FLAVOUR)/library/$* $@

library_version = $(shell sed -n 's/^.define JUDGE_VERSION "\(.*\)"/\1/p' judge/vocabulary/version.h)
library_headers = $(sort $(filter %.h,$(shell $(CC) -std=c17 -I. -MM -x c \
                  $(filter-out %_priv.h,$(wildcard stats/*/*.h)))))

# Made anew each time: PREFIX may be another.
.PHONY: library-pc
build/judgestats.pc: library-pc
	$(Q)mkdir -p build && printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' \
	  'includedir=$${prefix}/include/judgestats' '' 'Name: judgestats' \
	  'Description: sequential and fixed tests for comparing a release with the one before it' \
	  'Version: $(library_version)' 'Cflags: -I$${includedir}' \
	  'Libs: -L$${libdir} -ljudgestats -lgsl -lgslcblas -lm -pthread' >$@

.PHONY: libjudgestats install install-stats
## make libjudgestats the statistics alone: build/libjudgestats.a and build/judgestats.pc (docs/stats/library.md)
libjudgestats: build/libjudgestats.a build/judgestats.pc
	@:

## make install-stats the library, its .pc and its headers below PREFIX (/usr/local), in DESTDIR
install-stats: libjudgestats
	$(Q)$(INSTALL) -d '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	$(Q)$(INSTALL) -m 644 build/libjudgestats.a '$(DESTDIR)$(PREFIX)/lib/libjudgestats.a'
	$(Q)$(INSTALL) -m 644 build/judgestats.pc '$(DESTDIR)$(PREFIX)/lib/pkgconfig/judgestats.pc'
	$(Q)for h in $(library_headers); do \
	  $(INSTALL) -D -m 644 "$$h" '$(DESTDIR)$(PREFIX)/include/judgestats/'"$$h" || exit 1; done

## make install       judged and judgectl below PREFIX, in DESTDIR
install: all
	$(Q)$(INSTALL) -d '$(DESTDIR)$(PREFIX)/bin'
	$(Q)$(INSTALL) -m 755 build/judged build/judgectl '$(DESTDIR)$(PREFIX)/bin'
