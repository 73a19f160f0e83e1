# Everything a developer does here. Each target is one line or a script.

# How everything here is compiled, so that programs and tests share each
# compiled package. No C compiler is needed, no path of this machine is kept, and
# no debugging data is written (profiles and stack traces need none; for a
# debugger, use go directly). That makes the first build from nothing a fifth
# shorter. Git is not asked for the revision: it refuses to read a checkout of
# another user's.
export CGO_ENABLED := 0
export GOFLAGS := $(GOFLAGS) -trimpath -buildvcs=false -gcflags=all=-dwarf=false

.DEFAULT_GOAL := help
.PHONY: help run build test e2e chaos bench lint generate tidy

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Start the whole system on this machine, until Ctrl-C
	@exec bin/vestibule-dev

build: ## Build all programs into bin/
	@go build -ldflags=-w -o bin/ ./services/*/cmd/* ./gateway/cmd/gateway ./deploy/local/cmd/vestibule-dev

test: ## Run everything that must be green
	@tools/test.sh

e2e: ## Run the end-to-end tests alone (ARGS='-run X -v')
	@go test -count=1 -timeout 40m ./test/e2e/... $(ARGS)

chaos: ## Kill, restart and cut off for minutes what tests do for seconds; before a release
	@go test -v -count=1 -timeout 40m -run 'Rolling|Postgres|NATS' ./test/chaos -long $(ARGS)

bench: build ## Measure throughput, latency and cost (ARGS=…)
	@go run ./test/load $(ARGS)

lint: ## Check style, import rules and that generated code is up to date
	@tools/lint.sh

generate: ## Generate code from proto/ and the SQL queries
	@tools/generate.sh

tidy: ## Bring go.mod and go.sum of all modules in order
	@tools/tidy.sh
