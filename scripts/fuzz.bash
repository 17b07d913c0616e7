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
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz fuzzes one target of a package for a time.
fuzz() {
	go test -run='^$' -fuzz="^$2\$" -fuzztime="$3" "$1" 2>&1 | tee "$log"
}

# only_late tells whether the last target failed by nothing but the end of its
# time. Where Go's coordinator is slow just then, it takes that for a failure
# (golang/go#75804, mended in Go 1.27). What fuzzing finds is told in other
# words, with the input.
only_late() {
	grep -qE '^ +context deadline exceeded$' "$log" && ! grep -qE 'Failing input written|panic: ' "$log"
}

# Go fuzzes one target at a time.
while read -r package; do
	case $package in
	./pkg/event | ./pkg/tracing*) time=$envelope ;;
	*) time=$others ;;
	esac
	while read -r target; do
		count=$((count + 1))
		say "fuzzing $package $target for $time"
		if fuzz "$package" "$target" "$time"; then
			continue
		fi
		if only_late && say "nothing was found, Go only missed the end of the time: once more" && fuzz "$package" "$target" "$time"; then
			continue
		fi
		failed+=("$package $target")
	done < <(go test -list='^Fuzz' "$package" | grep '^Fuzz' || true)
done < <(grep -rlE '^func Fuzz[A-Z_]' --include='*_test.go' . | grep -v '^./benchmarks/' | xargs -r -n1 dirname | sort -u)

if [ ${#failed[@]} -gt 0 ]; then
	die "fuzzing found failures in: ${failed[*]}; the inputs are in testdata/fuzz beside the tests"
fi
[ "$count" -gt 0 ] || die "there is no fuzz target"
say "fuzzed $count targets, for $envelope or $others each"
