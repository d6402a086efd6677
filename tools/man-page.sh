#!/bin/sh
# A man page on standard output: man-page.sh GENERATE-DOCS COMMAND SOURCE-ROOT
# First what the option tables know, then the prose of docs/man, if there is any.
set -eu

generate=$1 name=$2 root=$3
page=packetboat-$name
[ "$name" != packetboat ] || page=packetboat

{
	"$generate" man "$name"
	[ ! -f "$root/docs/man/$page.scd.in" ] || cat "$root/docs/man/$page.scd.in"
} | scdoc
