# Thin on purpose: CMake builds (CMakePresets.json), tools/ does the rest. `make help` lists the targets.
# YES=1 installs missing Debian packages without asking.  PREFIX= and DESTDIR= say where `make install` puts things.

PREFIX ?= /usr/local
DESTDIR ?=
ARGS ?=
SECONDS_EACH ?= 30
LLAMA ?= 1
# Debian's own Python first: it is the one that the packages in tools/deps/apt.txt belong to.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
export PYTHON PREFIX DESTDIR

build := build/release

.DEFAULT_GOAL := release
.PHONY: release deps models sbom demo run test soak bench fuzz check tidy format lint install uninstall clean help

release: deps ## build into build/release (the default)
	@$(PYTHON) tools/build.py release product
	@$(PYTHON) tools/deps/sbom.py $(build)

deps: ## system packages and pinned sources (build/deps); LLAMA=0 leaves llama.cpp out
	@tools/deps/install build test
	@$(PYTHON) tools/deps/fetch.py sources
	@[ "$(LLAMA)" = 0 ] || tools/deps/install engines || true
	@LLAMA=$(LLAMA) $(PYTHON) tools/deps/llama.py

models: ## demo models (build/models)
	@tools/deps/install build
	@$(PYTHON) tools/deps/fetch.py models

sbom: release ## what is linked, as SPDX: build/release/sbom.spdx.json
	@$(PYTHON) tools/deps/sbom.py --check $(build)/sbom.spdx.json

demo: ## build, start, load a model, ask it; ends with what to try
	@tools/deps/install build demo
	@$(MAKE) --no-print-directory release models
	@tools/demo.sh

run: release models ## aethercore on build/models; ARGS="--port 9000" adds to it
	@$(build)/bin/aethercore --models build/models $(ARGS)

test: deps models ## everything: release, then under ASan+UBSan and TSan
	@$(PYTHON) tools/test.py

soak: deps models ## the load tests at length: crowds, slow clients (an hour)
	@$(PYTHON) tools/test.py soak

test-stack: release models ## the built server: a browser, other languages, the README
	@tools/deps/install build stack
	@$(PYTHON) tests/stack/run.py $(ARGS)

bench: release models ## measure against others; prints a table
	@$(PYTHON) tests/bench/run.py $(ARGS)

fuzz: deps ## fuzz every parser; SECONDS_EACH=30, ARGS="json http"
	@tools/deps/install fuzz
	@$(PYTHON) tools/fuzz.py --seconds $(SECONDS_EACH) $(ARGS)

check: ## format, layers and conventions, the list of what is linked
	@tools/deps/install build test check
	@$(MAKE) --no-print-directory release
	@tools/check

tidy: ## layers and conventions only, with the longest functions
	@$(PYTHON) tools/tidy/tidy.py

format: ## lay out all C files
	@tools/deps/install check
	@tools/check --format

lint: release ## clang-tidy's bug finders, where clang-tidy is installed
	@tools/check --lint

install: ## into PREFIX (default /usr/local)
	@if [ "$$(id -u)" != 0 ] || [ "$$(stat -c %u .)" = 0 ]; then $(MAKE) --no-print-directory release; fi
	@tools/install

uninstall: ## take away what install put into PREFIX
	@tools/uninstall

clean: ## remove what was built; build/models stays
	@rm -rf build/release build/asan build/tsan build/fuzz build/deps build/log

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 19
