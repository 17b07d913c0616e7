#!/usr/bin/env bash
# Runs all tests against real servers, with the race detector. Arguments, if
# there are any, replace the default "./...".
#
#   LABAN_TEST_TIMEOUT   how long one package may take (default 20m)
source "$(dirname "$0")/environment.bash"

command -v "${CC:-gcc}" >/dev/null || die "the race detector needs a C compiler: apt-get install gcc libc6-dev (as root)"
[ $# -gt 0 ] || set -- ./...
watched "testing" scripts/withservers.bash -- \
	go test -race -shuffle=on -timeout "${LABAN_TEST_TIMEOUT:-20m}" "$@"
