#!/bin/sh
# What is installed is enough to build on: test_installed.sh BUILD_DIR EXAMPLES_DIR CC. Each example is compiled through
# pkg-config against an installed tree, with the shared library and with the static one, and asked to run.
set -eu
build=$1 examples=$2 cc=$3
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

DESTDIR="$tree" meson install -C "$build" --no-rebuild --quiet
pc=$(find "$tree" -name packetboat.pc)
PKG_CONFIG_LIBDIR=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$tree
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
libdir=$tree$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir packetboat)
flags=$(pkg-config --cflags packetboat)

# Wrong usage is said before anything is done, and needs the library to be found.
says_invalid()
{
	"$@" 2>&1 | grep -q 'Invalid argument' || { echo "$1 did not run" >&2; exit 1; }
}

for name in echo_server client; do
	# shellcheck disable=SC2046,SC2086 # lists of words
	"$cc" $flags -o "$tree/$name" "$examples/$name.c" $(pkg-config --libs packetboat)
	says_invalid env LD_LIBRARY_PATH="$libdir" "$tree/$name"
	# shellcheck disable=SC2086
	"$cc" $flags -o "$tree/$name-static" "$examples/$name.c" "$libdir/libpacketboat.a"
	says_invalid "$tree/$name-static"
done
