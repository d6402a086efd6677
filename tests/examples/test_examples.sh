#!/bin/sh
# The examples against each other: test_examples.sh ECHO_SERVER CLIENT TWO_STACKS. The server takes any port and says which.
set -eu
dir=$(mktemp -d)
mkfifo "$dir/said"
"$1" 127.0.0.1:0 >"$dir/said" &
server=$!
trap 'exec 3>&-; kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT

read -r port <"$dir/said"
[ "$("$2" "127.0.0.1:$port" 'hello, world')" = 'hello, world' ]
[ "$("$2" "127.0.0.1:$port" again)" = again ]

# Two stacks of our own, in virtual time.
[ "$("$3")" = 'hello, after 0.000 ms' ]

# Somebody who sends and does not read holds nobody up: his netcat stands still behind a pipe that nobody reads.
mkfifo "$dir/unread"
exec 3<>"$dir/unread"
{ head -c 50000000 /dev/zero | timeout 50 nc 127.0.0.1 "$port" >"$dir/unread" 2>/dev/null; } 3<&- &
sleep 0.5 # until everything on his way is full
[ "$(timeout 10 "$2" "127.0.0.1:$port" 'still here')" = 'still here' ]
