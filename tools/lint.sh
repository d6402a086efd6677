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

# Only files that are part of the build: for others it would have to guess how they are compiled.
# One at a time: files of one call share what the first one's directory says about the analyzer.
tidy()
{
	sed -n 's|^ *"file": "\.\./\(.*\.c\)".*|\1|p' build/compile_commands.json | sort -u |
		xargs -n 1 clang-tidy -p build --quiet 2>build/clang-tidy.log && return 0
	grep -v 'warnings\? generated' build/clang-tidy.log
	return 1
}

scripts()
{
	# shellcheck disable=SC2046 # a list of words
	shellcheck dev .ci/run $(find tools bench tests -name '*.sh' 2>/dev/null)
}

check "include directions" tools/check-includes
check "formatting" formatting
check "shell scripts" scripts
check "clang-tidy" tidy
exit $status
