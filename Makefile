# SPDX-License-Identifier: Apache-2.0
# A small front for meson and ninja: `make help` lists what there is.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
MESONFLAGS ?=

# What a command says counts only when it fails.
quietly = @$(1) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }; rm -f $(BUILD).log

.PHONY: all demo check bench fuzz soak install clean format headers help

all: $(BUILD)/build.ninja ## build build/openvirt
	$(call quietly,ninja -C $(BUILD) --quiet)

$(BUILD)/build.ninja:
	@scripts/install-packages build
	@rm -f $(BUILD)/meson-private/coredata.dat # an interrupted setup would count as done
	$(call quietly,meson setup $(BUILD) --prefix $(PREFIX) $(MESONFLAGS))

demo: ## run a Debian system in a container and show both sides
	@scripts/install-packages build demo
	@$(MAKE) --no-print-directory all
	@scripts/demo $(BUILD)/openvirt

check: ## install what is missing, build, run all tests
	@scripts/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/run $(BUILD)

bench: ## compare with crun, runc and QEMU's software engine, each in one run
	@scripts/install-packages build bench
	@$(MAKE) --no-print-directory all
	@bench/run $(BUILD)/openvirt
	@bench/machines $(BUILD)/openvirt

fuzz: ## 60 s of fuzzing of every parser of hostile input
	@scripts/install-packages build fuzz
	@tests/fuzz/run

soak: ## long runs of what `make check` does shortly
	@scripts/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/run $(BUILD) --soak

install: all ## install below $(DESTDIR)$(PREFIX)
	@meson configure $(BUILD) -Dprefix=$(PREFIX) >/dev/null
	$(call quietly,env DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet)

format: ## clang-format over the tree
	@git ls-files '*.c' '*.h' | xargs clang-format -i

headers: $(BUILD)/build.ninja ## compile each header alone
	@ninja -C $(BUILD) --quiet headers

clean: ## remove what was built
	@rm -rf build build-*

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
