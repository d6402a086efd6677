#!/bin/sh
# A man page on standard output: man-page.sh GENERATE-DOCS COMMAND SOURCE-ROOT
# What the option tables know, with the prose of docs/man, if there is any.
set -eu

generate=$1 name=$2 root=$3
page=packetboat-$name
[ "$name" != packetboat ] || page=packetboat

prose=$root/docs/man/$page.scd.in
if [ -f "$prose" ]; then
	"$generate" man "$name" "$prose"
else
	"$generate" man "$name"
fi | scdoc
