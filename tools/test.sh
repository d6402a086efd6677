#!/bin/sh
# Run the tests and sum them up: test.sh [--browser | NAME...]; ./dev help says which names there are.
#
# The last line is "N passed, N failed", then ", N skipped" where some were; the status is 0 when nothing failed.
# Each part promises where its results will be before it runs, and results that are not there count as a failure.
set -eu
cd "$(dirname "$0")/.."

results='' # what tools/count-results.py shall read: build directories, JUnit and TAP files

promise() # RESULT FILE-TO-REMOVE...
{
	results="$results $1"
	shift
	rm -f "$@"
}

part() # TITLE FUNCTION [ARGUMENT...]
{
	title=$1
	shift
	printf '\n== %s\n' "$title"
	began=$(date +%s)
	"$@" || true # its results tell
	echo "== $title: $(($(date +%s) - began)) s"
}

build() # DIRECTORY MESON-OPTION...
{
	directory=$1
	shift
	if [ -f "$directory/build.ninja" ]; then
		meson configure "$directory" "$@"
	else
		meson setup "$directory" "$@"
	fi && ninja -C "$directory"
}

release() # [MESON-TEST-ARGUMENT...]
{
	promise build build/meson-logs/testlog.json build/tests/*.xml
	build build -Dtests=enabled &&
		meson test -C build --no-rebuild --print-errorlogs "$@"
}

# No recovery: the first finding ends the program, and so fails the test that saw it.
sanitize()
{
	promise build-sanitize build-sanitize/meson-logs/testlog.json build-sanitize/tests/*.xml
	CC=clang build build-sanitize -Dtests=enabled -Dbuildtype=debugoptimized -Ddefault_library=static \
		-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all &&
		meson test -C build-sanitize --no-rebuild --print-errorlogs --timeout-multiplier 3 \
			--no-suite docs --no-suite tools
}

fuzz()
{
	promise build-fuzz/results.tap build-fuzz/results.tap
	tools/fuzz.sh --check '' 10
}

includes()
{
	mkdir -p build
	promise build/includes.tap build/includes.tap
	if tools/check-includes; then
		echo "ok - includes point downward"
	else
		echo "not ok - includes point downward"
	fi >build/includes.tap
}

pytest() # PATH
{
	results_of_path=build/$(echo "$1" | tr / -).xml
	promise "$results_of_path" "$results_of_path"
	build build -Dtests=enabled &&
		PACKETBOAT=$PWD/build/packetboat PYTHONDONTWRITEBYTECODE=1 \
			/usr/bin/python3 -m pytest -p no:cacheprovider --junitxml="$results_of_path" "$1"
}

case ${1:-} in
--browser)
	tools/setup.sh build test browser
	part "browser" pytest tests/e2e/browser
	;;
'')
	tools/setup.sh build test
	part "gcc, release" release
	part "clang, ASan and UBSan" sanitize
	part "fuzzers, ten seconds each" fuzz
	part "include directions" includes
	;;
*)
	tools/setup.sh build test
	chosen='' # for one run of Meson's
	for name; do
		case $name in
		sanitize | fuzz) part "$name" "$name" ;;
		lint) part "include directions" includes ;;
		unit | semantics | conformance | e2e | interop | docs | tools) chosen="$chosen --suite $name" ;;
		*.py) part "$name" pytest "$name" ;;
		*) chosen="$chosen $name" ;;
		esac
	done
	# shellcheck disable=SC2086 # a list of words
	[ -z "$chosen" ] || part "gcc, release:$chosen" release $chosen
	;;
esac
echo
# shellcheck disable=SC2086 # a list of words
exec tools/count-results.py $results
