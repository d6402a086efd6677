#!/bin/sh
# Everything that can be said about the sources without running them. Needs build/ configured: clang-tidy asks it
# how each file is compiled. Says all it finds before it fails.
# shellcheck disable=SC2317 # functions are called through check()
set -eu
cd "$(dirname "$0")/.."

status=0

check() # WHAT COMMAND...
{
	what=$1
	shift
	if "$@"; then
		echo "lint: $what: fine"
	else
		echo "lint: $what: see above"
		status=1
	fi
}

formatting()
{
	# shellcheck disable=SC2046 # a list of words
	clang-format --dry-run -Werror $(find include src tests examples bench -name '*.[ch]' 2>/dev/null)
}

# clang-format leaves comments alone; code it breaks at 110 columns by itself.
comments()
{
	! find include src tests examples bench -name '*.[ch]' -exec grep -nE '^[[:space:]]*/?\*.{119,}' {} +
}

# clang-tidy is told how files are compiled, but for what gcc alone understands.
compile_commands()
{
	mkdir -p build/lint
	sed -E 's/ -(mmemset-strategy=[^ ]*|flto=auto|ffat-lto-objects)//g' build/compile_commands.json >build/lint/compile_commands.json
}

# Only files that are part of the build: for others it would have to guess how they are compiled.
# A call for each file: files of one call share what the first one's directory says about the analyzer. What a call
# says is kept together, since several run at a time.
tidy()
{
	compile_commands
	# shellcheck disable=SC2016 # the inner shell's
	sed -n 's|^ *"file": "\.\./\(.*\.c\)".*|\1|p' build/compile_commands.json | sort -u |
		xargs -n 1 -P "$(nproc)" sh -c 'said=$(clang-tidy -p build/lint --quiet "$1" 2>&1) && exit
			printf "%s\n" "$said" | grep -v "warnings* generated"
			exit 1' tidy
}

scripts()
{
	# shellcheck disable=SC2046 # a list of words
	shellcheck dev .ci/run $(find tools bench tests -name '*.sh' 2>/dev/null)
}

check "include directions" tools/check-includes
check "formatting" formatting
check "comments of 120 columns at most" comments
check "shell scripts" scripts
check "clang-tidy" tidy
exit $status
