# Everything a developer runs. `make help` lists it.
GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
PKG         ?= ./...

.PHONY: help build setup test race plain lint soak fuzz bench docs safety museum mutants fmt clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

build: ## bin/rolecall, without cgo
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/rolecall ./cmd/rolecall

setup: ## the servers that the tests talk to (as root on Debian), else a list of what is missing
	@.ci/setup

test: setup race plain ## all tests: first small data under the race detector, then everything without it

# Bulk and kill tests skip themselves under -short: the embedded SQLite is some 16 times slower under the race detector.
race: ## tests on small data under the race detector
	$(GO) test -race -short -timeout 15m $(PKG)

plain: ## all tests, bulk and kill tests too
	$(GO) test -timeout 20m $(PKG)

lint: ## gofmt, go vet, staticcheck, golangci-lint
	@GO="$(GO)" STATICCHECK="$(STATICCHECK)" GOLANGCI="$(GOLANGCI)" .ci/lint

soak: fuzz ## the long tests, as long as they take: every fuzz target, lines cut in reads of 100,000 people
	ROLECALL_SOAK=1 $(GO) test -timeout 0 -v -run "^Test(LineIsCut|Samba)" ./cmd/rolecall

fuzz: ## every fuzz target of the source for FUZZTIME (20s); `go test` runs what they found before
	@GO="$(GO)" .ci/fuzz

bench: ## benchmarks; each prints its ratio to a yardstick
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m $(PKG)

docs: ## configuration reference, JSON schema and the tables of limits, from the source
	$(GO) test ./cmd/rolecall/config -run "TestReference|TestLimitsOfCompanies" -update
	$(GO) test ./engine -run TestGuardOrder -update

safety: ## docs/safety.md, from the tables of incidents and faults
	$(GO) test ./engine/enginetest/museum -run TestSafetyPage -update

museum: ## take each guard out of the source and see its test die; some seconds for each of a hundred
	$(GO) test ./engine/enginetest/museum -run TestWithoutTheGuard -without . -update -timeout 0 -v
	$(MAKE) safety

mutants: ## 300 small changes of what guards people's access: how many of them do the tests notice?
	$(GO) test ./engine/enginetest/mutants -run TestScore -sample 300 -timeout 0 -v

fmt: ## gofmt in place
	gofmt -w cmd connectors engine migrations policies

clean: ## what building and testing leave behind
	rm -rf bin rolecall
	find connectors -name node_modules -type d -prune -exec rm -rf {} +
