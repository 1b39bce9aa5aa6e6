# The commands people use here. `make check` is what CI runs.
GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
PYTHON  ?= python3

.PHONY: build test check tidy format lint generate generated examples overview bench clean

build: ## bin/settee
	$(GO) build -trimpath -o bin/settee ./cmd/settee

test: ## all tests; the last line says how much of the recordings was replayed
	@mkdir -p bin && rm -f bin/replayed.txt
	SETTEE_TEST_REPLAYED=$(CURDIR)/bin/replayed.txt $(GO) test $(TESTFLAGS) ./...
	@[ ! -f bin/replayed.txt ] || cat bin/replayed.txt

format: ## rewrite every file as gofmt wants it
	$(GO) fmt ./...

lint: ## format, vet, linters, tidy modules
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(TOOL) golangci-lint run ./...
	$(GO) mod tidy -diff

generate: ## write generated code anew
	$(GO) generate ./...

generated: generate ## generated code is up to date
	@[ -z "$$(git status --porcelain -- '*.gen.go')" ] || { echo "generated code is stale: commit what make generate wrote"; exit 1; }

examples: build ## the example workflows and clients, against a real server
	./examples/run.sh

overview: build ## the Cloud API overview's own code; SETTEE_OVERVIEW names the document
	$(GO) test ./test/overview -count=1 -v

check: ## what a change must pass
	$(MAKE) lint
	$(MAKE) generated
	$(MAKE) test TESTFLAGS="-race -timeout 20m"
	$(MAKE) examples

bench: ## medians and ratios, printed as a table; see docs/benchmarks.md (BENCH=-full for the full sizes)
	$(GO) test -run "^$$" -bench . -benchtime 1x -timeout 2h ./test/bench $(BENCH)

clean:
	rm -rf bin
