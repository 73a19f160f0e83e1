#!/usr/bin/env bash
# Tidies every module by itself: images are built with GOWORK=off, so each
# go.mod must be complete without go.work.
set -euo pipefail
cd "$(dirname "$0")/.."
{
	go list -m -f '{{.Dir}}'
	echo deploy/check # outside go.work
} | while read -r module; do
	(cd "$module" && GOWORK=off go mod tidy)
done
