#!/bin/sh
# The examples against each other: test_examples.sh ECHO_SERVER CLIENT. Tries another port where one is taken.
set -eu
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT

for port in 27107 28207 29307 31407; do
	"$1" "127.0.0.1:$port" 2>/dev/null &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 "$server" 2>/dev/null || break
		if answer=$("$2" "127.0.0.1:$port" 'hello, world' 2>/dev/null); then
			[ "$answer" = 'hello, world' ] || exit 1
			[ "$("$2" "127.0.0.1:$port" again)" = again ] || exit 1
			exit 0
		fi
		sleep 0.2
	done
	kill "$server" 2>/dev/null || true
	server=
done
echo 'no call was answered' >&2
exit 1
