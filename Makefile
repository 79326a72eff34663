# The front door. Everything real is in CMakePresets.json and tools/.
.PHONY: all setup demo test check bench format clean install fuzz \
  fake truth-bars bench-big
PREFIX ?= /usr/local

all:
	@tools/setup build
	@tools/build release anemone anemone_static anemone_shared

demo:
	@tools/setup demo
	@tools/build release anemone anemone_demo
	@tools/demo

test:
	@tools/setup test
	@tools/run-tests

check:
	@tools/setup test
	@tools/build release
	@tools/check-all

bench:
	@tools/setup demo
	@tools/build release
	@tools/run-bench

# Models of Qwen3's true shapes, made once; beside llama.cpp where it is.
bench-big:
	@tools/setup build
	@tools/build release
	@tools/run-bench-big

fuzz:
	@tools/setup test
	@tools/run-fuzz 60

# The command that plays scenarios (docs/SCENARIOS.md): build/fake/anemone.
fake:
	@tools/setup build
	@tools/build fake anemone

truth-bars: fake
	@tools/run-truth-bars

format:
	@clang-format-14 -i $$(git ls-files '*.c' '*.h')

install: all
	cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
