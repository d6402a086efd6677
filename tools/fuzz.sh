#!/bin/sh
# Fuzz what parses: fuzz.sh [--check] [NAME [SECONDS]]
#
# Each tests/fuzz/fuzz_NAME.c is a libFuzzer program, built by clang with ASan and UBSan in build-fuzz/. Without NAME
# each runs in turn (a minute unless told). It starts from tests/fuzz/corpus/NAME/, and inputs that reach new code are
# added there, unless this is a --check. How it went is told in build-fuzz/results.tap, too.
# An input that breaks something is left in build-fuzz/ as NAME-crash-...
set -eu
cd "$(dirname "$0")/.."

check=
if [ "${1:-}" = --check ]; then
	check=yes
	shift
fi
names=${1:-$(find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_\(.*\)\.c|\1|' | sort)}
seconds=${2:-60}

if [ -f build-fuzz/build.ninja ]; then
	meson configure build-fuzz -Dfuzz=true # looks for new fuzzers, too
else
	CC=clang meson setup build-fuzz -Dfuzz=true -Dtests=disabled -Dbuildtype=debugoptimized \
		-Ddefault_library=static -Db_sanitize=address,undefined -Db_lundef=false
fi
rm -f build-fuzz/results.tap
ninja -C build-fuzz

status=0
for name in $names; do
	fuzzer=build-fuzz/tests/fuzz/fuzz_$name
	corpus=tests/fuzz/corpus/$name
	found=build-fuzz/$name-found
	log=build-fuzz/$name.log
	mkdir -p "$corpus" "$found"
	printf 'fuzz %s, %s seconds: ' "$name" "$seconds"
	if "$fuzzer" -max_total_time="$seconds" -timeout=10 -artifact_prefix="build-fuzz/$name-" "$found" "$corpus" \
		>"$log" 2>&1; then
		echo "ok - fuzz $name" >>build-fuzz/results.tap
		tail -n 1 "$log" # how many inputs it tried
		[ "$check" ] || "$fuzzer" -merge=1 "$corpus" "$found" >>"$log" 2>&1
	else
		echo "not ok - fuzz $name" >>build-fuzz/results.tap
		status=1
		echo 'it broke'
		tail -n 60 "$log"
	fi
	rm -rf "$found"
	rmdir -p --ignore-fail-on-non-empty "$corpus"
done
exit $status
