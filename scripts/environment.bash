# What every script here begins with. Sourced, not run.
# shellcheck shell=bash

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# say tells the user what happens, on standard error.
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

die() {
	say "$*"
	exit 1
}

# A bare environment, such as that of cron or of a container's start command.
if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
	HOME=$(getent passwd "$(id -u)" | cut -d: -f6 || true)
	if [ -z "$HOME" ] || [ ! -w "$HOME" ]; then
		HOME=${TMPDIR:-/tmp}/laban-home-$(id -u)
		[ -d "$HOME" ] || mkdir -m 700 "$HOME"
		[ -O "$HOME" ] || die "$HOME belongs to somebody else: set HOME to a folder of yours"
	fi
	export HOME
	say "HOME was not set, or not writable: it is $HOME now"
fi
if [ -n "${TMPDIR:-}" ] && [ ! -w "$TMPDIR" ]; then
	say "TMPDIR is $TMPDIR, which can't be written to: it is /tmp now"
	export TMPDIR=/tmp
fi
for folder in /usr/local/go/bin /usr/sbin /sbin; do
	case :$PATH: in
	*:$folder:*) ;;
	*) PATH=$PATH:$folder ;;
	esac
done
export PATH
command -v go >/dev/null || die "Go is not on PATH: install it from https://go.dev/dl/"

# Where programs are kept that were built here: the one place that package
# testenv/server looks in, too.
case $(uname -s) in
Darwin) cache=$HOME/Library/Caches/laban ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache}/laban ;;
esac
mkdir -p "$cache/bin"

# took says how long it is since the second given.
took() {
	local seconds=$((SECONDS - $1))
	printf '%d:%02d min' $((seconds / 60)) $((seconds % 60))
}

# heartbeat says every 15 seconds, until it is killed, that something goes on.
heartbeat() {
	local what=$1 began=$SECONDS pause
	trap 'kill "$pause" 2>/dev/null; exit 0' TERM
	while true; do
		sleep 15 >/dev/null 2>&1 &
		pause=$!
		wait "$pause"
		say "… $what ($(took "$began"))"
	done
}

# watched runs a command, with a heartbeat beside it. The command's output is
# shown as it comes.
watched() {
	local what=$1 status=0 beat
	shift
	heartbeat "$what" &
	beat=$!
	"$@" || status=$?
	kill "$beat" 2>/dev/null || true
	wait "$beat" 2>/dev/null || true
	return "$status"
}

# quietly is watched, and shows the command's output only if it fails.
quietly() {
	local what=$1 began=$SECONDS status=0 log
	shift
	log=$(mktemp)
	say "$what …"
	watched "$what" into "$log" "$@" || status=$?
	if [ "$status" -ne 0 ]; then
		tail -n 60 "$log" >&2
		say "$what: failed with exit status $status after $(took "$began")"
	else
		say "$what: done in $(took "$began")"
	fi
	rm -f "$log"
	return "$status"
}

# into runs a command with all it prints going into a file.
into() {
	local file=$1
	shift
	"$@" >"$file" 2>&1
}
