#!/usr/bin/env bash
# Runs the benchmarks: those beside the code, and those beside peers in the
# module benchmarks. Arguments replace the defaults of go test. Nothing else
# should run on the machine meanwhile.
source "$(dirname "$0")/environment.bash"

[ $# -gt 0 ] || set -- -bench=. -benchmem -count=6
for module in . benchmarks; do
	[ -f "$module/go.mod" ] || continue
	say "benchmarks of $module"
	scripts/withservers.bash -- go test -C "$module" -run='^$' -timeout=2h "$@" ./...
done
