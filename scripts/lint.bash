#!/usr/bin/env bash
# Checks the code by .golangci.yaml, that go.mod is tidy, and the scripts.
source "$(dirname "$0")/environment.bash"
source "$(dirname "$0")/tools.bash"

status=0
linter=$(tool golangci-lint)
for module in . benchmarks; do
	[ -f "$module/go.mod" ] || continue
	say "checking the Go code of $module"
	(cd "$module" && watched "checking" "$linter" run --config "$root/.golangci.yaml" ./...) || status=1
	say "checking that $module/go.mod is tidy"
	(cd "$module" && go mod tidy -diff) || {
		say "$module/go.mod is not tidy: run go mod tidy there"
		status=1
	}
done

if command -v shellcheck >/dev/null; then
	say "checking the scripts"
	shellcheck scripts/*.bash .ci/run internal/testenv/server/leash.sh || status=1
else
	say "the scripts are NOT CHECKED: shellcheck is not installed"
	for script in scripts/*.bash .ci/run; do bash -n "$script" || status=1; done
fi
for page in docs/adr/[0-9]*.md; do
	grep -qF "(${page##*/})" docs/adr/README.md || {
		say "docs/adr/README.md does not list ${page##*/}"
		status=1
	}
done
exit "$status"
