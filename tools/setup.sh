# SPDX-License-Identifier: MIT
# For bash scripts, after `set -eu`:
#
#   . "$(dirname "$0")/setup.sh"
#   waldo_setup build            what building takes: compiler, libraries
#   waldo_setup test             that, and what tools/test takes
#   waldo_setup long             that, and what tools/test --long takes
#   waldo_build PRESET [TARGET]...
#                                configures and builds (CMakePresets.json);
#                                release stands in build/, the others in
#                                build/PRESET/; programs are in its bin/
#   waldo_root                   is the absolute path of the source tree
#
# Each is silent if there is nothing to do, says one line if it takes a while,
# and ends the script with the reason if it fails.

waldo_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

waldo_packages_build="build-essential cmake libcmocka-dev libevent-dev
	libgcrypt20-dev libjansson-dev libmsgpack-dev libsodium-dev
	libsqlite3-dev ninja-build pkg-config scdoc"
waldo_packages_test="$waldo_packages_build
	clang clang-format fish groff-base libclang-rt-dev mandoc python3
	python3-dissononce valgrind zsh"
# valgrind needs the symbols of libc.
waldo_packages_long="$waldo_packages_test libc6-dbg llvm"

waldo_die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Runs a command whose output matters only if it fails.
waldo_quietly() {
	local log
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		rm -f "$log"
		waldo_die "failed: $*"
	fi
	rm -f "$log"
}

waldo_setup() {
	local wanted have missing="" sudo="" package
	case $1 in
	build) wanted=$waldo_packages_build ;;
	test) wanted=$waldo_packages_test ;;
	long) wanted=$waldo_packages_long ;;
	*) waldo_die "waldo_setup: build, test or long, not '$1'" ;;
	esac

	# Elsewhere than on Debian CMake will say what it does not find.
	command -v dpkg-query >/dev/null || return 0

	# shellcheck disable=SC2086 # a list of words
	have=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' \
		$wanted 2>/dev/null || true)
	for package in $wanted; do
		grep -qx "$package installed" <<<"$have" ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0

	if [ "$(id -u)" -ne 0 ]; then
		sudo=sudo
		if ! command -v sudo >/dev/null ||
			{ [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
			waldo_die "needs root to install packages;" \
				"have someone run: apt-get install$missing"
		fi
	fi
	echo "Installing$missing"
	waldo_quietly $sudo apt-get -qq update
	# shellcheck disable=SC2086
	waldo_quietly $sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install --no-install-recommends $missing
}

waldo_build() {
	local preset=$1
	shift
	cd "$waldo_root"
	waldo_quietly cmake --preset "$preset"
	waldo_quietly cmake --build --preset "$preset" ${1:+--target "$@"}
	cd "$OLDPWD"
}
