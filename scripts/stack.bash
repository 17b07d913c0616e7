#!/usr/bin/env bash
# Runs the whole system on this machine, without containers; see
# scripts/stack.bash --help. "up" gets what is missing (make deps) and builds
# first.
source "$(dirname "$0")/environment.bash"

[ $# -gt 0 ] || set -- up
program=$cache/bin/stack
case $1 in
up)
	scripts/deps.bash
	quietly "building" go build -trimpath -o bin/ ./cmd/... ./services/... ./internal/mailcatcher/...
	;;
esac
# Built each time, which takes a moment where nothing has changed.
go build -o "$program" ./internal/stack/cmd/stack
case $1 in
up) watched "starting" "$program" "$@" ;;
*) exec "$program" "$@" ;;
esac
