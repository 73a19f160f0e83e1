#!/usr/bin/env bash
# Style, import rules, module files and generated code. Builds its tools from
# pinned versions into .cache/bin at the first run, which takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.cache/bin
golangci=v2.15.0

step() { printf '\n== %s\n' "$*"; }

# unchanged runs a script that brings files in order and fails if it had to.
unchanged() { # script, patterns of files...
	local before after
	before=$(state "${@:2}")
	"$1"
	after=$(state "${@:2}")
	if [[ $before != "$after" ]]; then
		diff <(echo "$before") <(echo "$after") >&2 || true
		echo "these files were out of date and have been rewritten by $1" >&2
		return 1
	fi
}
state() { git ls-files -co --exclude-standard -- "$@" | sort | xargs -r -d '\n' sha256sum; }

step "gofmt"
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs -r -d '\n' gofmt -l)
if [[ -n $unformatted ]]; then
	printf 'not formatted: %s\n' "$unformatted" >&2
	exit 1
fi

step "golangci-lint"
if ! "$bin/golangci-lint" version 2>/dev/null | grep -qF "${golangci#v}"; then
	GOBIN=$bin GOWORK=off go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci"
fi
failed=
for module in $(go list -m -f '{{.Dir}}'); do
	(cd "$module" && "$bin/golangci-lint" run ./...) || failed=yes
done
# Outside the workspace.
(cd deploy/check && GOWORK=off "$bin/golangci-lint" run ./...) || failed=yes
[[ -z $failed ]]

step "go.mod"
unchanged tools/tidy.sh '*go.mod' '*go.sum'

step "generated code"
unchanged tools/generate.sh '*.pb.go' '*.pb.gw.go' '**/postgres/db/*.go' \
	docs/errors.md docs/events.md gateway/internal/docs/comments.json
