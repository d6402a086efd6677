#!/bin/sh
# The examples against each other: test_examples.sh ECHO_SERVER CLIENT. The server takes any port and says which.
set -eu
dir=$(mktemp -d)
mkfifo "$dir/said"
"$1" 127.0.0.1:0 >"$dir/said" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT

read -r port <"$dir/said"
[ "$("$2" "127.0.0.1:$port" 'hello, world')" = 'hello, world' ]
[ "$("$2" "127.0.0.1:$port" again)" = again ]
