#!/usr/bin/env bash
# Runs each fuzz target of the module for a while: what reads messages from
# anywhere for longer, the rest shortly.
#
#   LABAN_FUZZ_TIME         how long those of the envelope and the carriers
#                           (default 30s)
#   LABAN_FUZZ_TIME_OTHERS  how long each of the others (default 8s, or
#                           LABAN_FUZZ_TIME where that is set)
source "$(dirname "$0")/environment.bash"

envelope=${LABAN_FUZZ_TIME:-30s}
others=${LABAN_FUZZ_TIME_OTHERS:-${LABAN_FUZZ_TIME:-8s}}
failed=()
count=0
# Go fuzzes one target at a time.
while read -r package; do
	case $package in
	./pkg/event | ./pkg/tracing*) time=$envelope ;;
	*) time=$others ;;
	esac
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
say "fuzzed $count targets, for $envelope or $others each"
