#!/bin/sh
# Install the Debian packages of some groups of tools/packages: setup.sh GROUP...
#
# Only what is missing is installed; where nothing is, neither root nor the network is needed. No question is asked.
# Web servers among the packages are for tests and benchmarks, which start their own copies: they are kept from
# starting as services of this machine, now and at its next start.
set -eu
cd "$(dirname "$0")/.."

packages_of() # GROUP...
{
	for group; do
		sed -n "s/^$group: *//p" tools/packages
	done | tr ' ' '\n' | sort -u
}

missing_of() # PACKAGE...
{
	# A line for each package that dpkg knows; those it does not know, or knows as removed, are missing.
	# shellcheck disable=SC2016 # the format is dpkg-query's
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
	for package; do
		echo "$installed" | grep -qxF -e "$package" || echo "$package"
	done
}

if ! command -v dpkg-query >/dev/null; then
	echo "This is not a Debian system. Please see that it has the like of:"
	packages_of "$@"
	exit 0
fi
# shellcheck disable=SC2046 # a list of words
missing=$(missing_of $(packages_of "$@") | tr '\n' ' ')
[ "$missing" ] || exit 0
echo "Installing from Debian's packages: $missing"

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root='sudo'
else
	echo "Installing needs root, and there is no sudo here. As root, run: apt-get install $missing" >&2
	exit 1
fi

# Debian's way to install a service without starting it, unless the administrator has set a policy already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$as_root rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
	-o Dpkg::Use-Pty=0 install $missing

for package in $missing; do
	case $package in
	h2o | lighttpd) service=$package ;;
	nginx-light) service=nginx ;;
	*) continue ;;
	esac
	$as_root update-rc.d "$service" disable >/dev/null 2>&1 || true # none was set up: just as well
done
