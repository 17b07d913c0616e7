#!/usr/bin/env bash
# Runs each fuzz target of the module for a while.
#
#   LABAN_FUZZ_TIME   how long each (default 30s)
source "$(dirname "$0")/environment.bash"

time=${LABAN_FUZZ_TIME:-30s}
failed=()
count=0
# Go fuzzes one target at a time.
while read -r package; do
	while read -r target; do
		count=$((count + 1))
		say "fuzzing $package $target for $time"
		go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "$package" || failed+=("$package $target")
	done < <(go test -list='^Fuzz' "$package" | grep '^Fuzz' || true)
done < <(grep -rlE '^func Fuzz[A-Z_]' --include='*_test.go' . | grep -v '^./benchmarks/' | xargs -r -n1 dirname | sort -u)

if [ ${#failed[@]} -gt 0 ]; then
	die "fuzzing found failures in: ${failed[*]}; the inputs are in testdata/fuzz beside the tests"
fi
[ "$count" -gt 0 ] || die "there is no fuzz target"
say "fuzzed $count targets for $time each"
