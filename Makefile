# What can be done here. The work itself is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help deps build test test-short rabbitmq4 fuzz lint vuln bench soak demo stack clean

# ARGS is handed on to the command, for one: make test ARGS="-run=Cancel ./services/..."
ARGS ?=

help: ## say what can be done
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install servers and programs and build Jaeger, where missing (LABAN_NO_INSTALL=1: only look)
	@scripts/deps.bash

build: ## build all commands into bin/
	go build -trimpath -o bin/ ./...

test: ## run all tests against real servers, with the race detector; does make deps first
	@scripts/test.bash $(ARGS)

test-short: ## run the tests that need no server
	go test -short -race $(or $(ARGS),./...)

# The packages that talk to a broker, and those that show it all at work.
TALKING = ./pkg/amqpbus ./pkg/tracing/amqptrace ./internal/testenv/... ./internal/parked ./internal/chassis \
	./internal/observer/... ./internal/demo ./internal/e2e ./services/choreographytest ./examples/tutorial ./cmd/laban

rabbitmq4: ## run the tests that talk to a broker against RabbitMQ 4 (as root on Debian)
	@folder=$$(scripts/rabbitmq4.bash) && LABAN_RABBITMQ_DIR=$$folder scripts/test.bash $(or $(ARGS),$(TALKING))

fuzz: ## fuzz each target for LABAN_FUZZ_TIME (30s, or 8s where less is at stake)
	@scripts/fuzz.bash

lint: ## check the code by .golangci.yaml
	@scripts/lint.bash

vuln: ## look for known vulnerabilities
	@scripts/vuln.bash

bench: ## run the benchmarks, also those beside peers
	@scripts/bench.bash $(ARGS)

soak: ## run the tests that take long
	@scripts/soak.bash $(ARGS)

demo: ## run the order system in one process, and watch it
	go run ./cmd/laban demo $(ARGS)

stack: ## run the whole system: brokers, services, observer, Jaeger, Prometheus (ARGS=down ends it)
	@scripts/stack.bash $(or $(ARGS),up)

clean: ## remove what was built here; programs in the cache folder stay
	rm -rf bin
