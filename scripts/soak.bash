#!/usr/bin/env bash
# Runs the tests that take long, those with the build tag "soak".
source "$(dirname "$0")/environment.bash"

[ $# -gt 0 ] || set -- ./...
packages=$(grep -rlE '^//go:build .*soak' --include='*_test.go' . || true)
[ -n "$packages" ] || die "there is no test with the build tag soak"
watched "soaking" scripts/withservers.bash -- \
	go test -race -tags=soak -run='Soak' -count=1 -v -timeout=12h "$@"
