# Everything a developer does here. Each target is one line or a script.

.DEFAULT_GOAL := help
.PHONY: help run build test e2e chaos bench lint generate tidy

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Start the whole system on this machine, until Ctrl-C
	@exec bin/vestibule-dev

build: ## Build all programs into bin/
	@go build -trimpath -buildvcs=false -ldflags=-w -o bin/ ./services/*/cmd/* ./gateway/cmd/gateway ./deploy/local/cmd/vestibule-dev

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
