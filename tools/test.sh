#!/usr/bin/env bash
# Everything that must be green, from a fresh clone: builds, vet, the tests of
# all modules against one throwaway Postgres cluster, then the tests that run
# the whole system.
set -euo pipefail
cd "$(dirname "$0")/.."

# Ends what hangs; far more than anything takes, for machines that are slow.
limit=40m

step() { printf '\n== %s\n' "$*"; }

step "build"
make --no-print-directory build

step "vet"
go vet vestibule.dev/...

step "unit tests"
mapfile -t packages < <(go list vestibule.dev/... | grep -v '^vestibule\.dev/test/')
go run vestibule.dev/pkg/pgtest/cmd/pgtest go test -vet=off -timeout "$limit" "${packages[@]}"

# A module of its own: no program should have what it takes to read charts.
step "deployment files"
(cd deploy/check && GOWORK=off go test -vet=off ./...)

# One package at a time: each runs a system of its own. Nothing is taken from
# the cache, because the cache does not know of the programs in bin/.
step "system tests"
go test -vet=off -count=1 -p 1 -timeout "$limit" vestibule.dev/test/...
