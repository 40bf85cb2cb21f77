# Everything a developer runs. `make help` lists it.
GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
PKG         ?= ./...
SEEDS       ?= 20000
SOAK        ?= 8h
SAMPLE      ?= 430
BULK        := $(GO) run ./.ci/bulk cmd connectors engine policies

# The race detector looks at all but what was translated from C: SQLite is some 16 times slower under it, and nothing there is ours.
RACE        := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc/...=-race=false

.PHONY: help build setup test race plain baton lint sim planted figures soak fuzz bench docs safety museum mutants coverage fmt clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

build: ## bin/rolecall, without cgo
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/rolecall ./cmd/rolecall

setup: ## the servers that the tests talk to (as root on Debian), else a list of what is missing
	@.ci/setup

test: setup race plain baton ## all tests: first small data under the race detector, then what is too slow for it, then the module of Baton

# Bulk and kill tests skip themselves under -short. What go vet finds, `make lint` says, so that the tests do not wait for it.
race: ## tests on small data under the race detector
	$(GO) test $(RACE) -vet=off -p 4 -short -timeout 15m $(PKG)

# What does all that it does under -short has run by then; .ci/bulk finds the others in the source. They are compiled and linked once, and then a few
# at a time run in four processes: half of their time they wait for servers, and for what must not happen.
plain: ## bulk and kill tests, without the race detector
	rm -rf bin/bulk && mkdir -p bin/bulk
	$(BULK) | cut -d' ' -f2 | sort -u | xargs $(GO) test -c -o bin/bulk/
	$(BULK) | xargs -t -P 4 -L 1 .ci/hand

# A module of its own, so that ./... does not reach it. Where it asks for an update of its go.mod, `go mod tidy` there does it. Without cgo, and so
# without the race detector: else C code of their SDK is compiled for minutes. `make soak` runs it with that.
baton: ## bin/rolecall-baton, the plug-in for Baton connectors, and its tests; the first time compiles their SDK, some minutes
	cd connectors/baton && export CGO_ENABLED=0 && $(GO) build -trimpath -o ../../bin/rolecall-baton . && $(GO) test -vet=off -timeout 15m ./...

lint: ## gofmt, go vet, staticcheck, golangci-lint
	@GO="$(GO)" STATICCHECK="$(STATICCHECK)" GOLANGCI="$(GOLANGCI)" .ci/lint

# One integer plays a history again: go test ./engine/enginetest/sim -run TestSim -first 4711 -seeds 1 -tell
sim: ## 20,000 random histories of 300 steps through the engine, every promise checked after each step
	$(GO) test ./engine/enginetest/sim -run TestSim -seeds $(SEEDS) -steps 300 -twice 200 -timeout 60m -v

planted: ## bugs planted in a copy of the engine, one after the other: does the simulation find them? The history that showed each before is played first
	$(GO) test ./engine/enginetest/sim -run TestPlantedBugs -planted -timeout 60m -v

figures: ## both of them, and what they tried into docs/safety.md
	$(GO) test ./engine/enginetest/sim -run TestSim -seeds $(SEEDS) -steps 300 -twice 200 -write testdata/histories.json -timeout 60m -v
	$(GO) test ./engine/enginetest/sim -run TestPlantedBugs -planted -anew -write testdata/planted.json -timeout 0 -v
	$(MAKE) safety

soak: planted ## the long tests, as long as they take: fuzz targets, planted bugs, reads of 100,000 people cut, thousands of kills, histories from the seed in sim.seed
	$(MAKE) fuzz FUZZWRITE=$(CURDIR)/engine/enginetest/museum/testdata/fuzz.json
	ROLECALL_SOAK=1 $(GO) test -timeout 0 -v -run "^Test(LineIsCut|Samba|Crash)" ./cmd/rolecall -write testdata/survived.json
	ROLECALL_SOAK=1 $(GO) test -timeout 0 -v -run "^TestEvery" ./cmd/rolecall/bundle
	ROLECALL_SOAK=1 $(GO) test -timeout 0 -v -run "^TestRandomEdits" ./engine/audit -edits testdata/edits.json
	cd connectors/baton && $(GO) test -race -timeout 0 ./...
	$(MAKE) safety
	$(GO) test ./engine/enginetest/sim -run TestSim -soak $(CURDIR)/sim.seed -for $(SOAK) -timeout 0 -v

fuzz: ## every fuzz target of the source for FUZZTIME (20s); `go test` runs what they found before
	@GO="$(GO)" FUZZWRITE="$(FUZZWRITE)" .ci/fuzz

bench: ## benchmarks; each prints its ratio to a yardstick
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m $(PKG)

docs: ## configuration reference, JSON schema and the tables of limits, from the source
	$(GO) test ./cmd/rolecall/config -run "TestReference|TestLimitsOfCompanies" -update
	$(GO) test ./engine -run TestGuardOrder -update

safety: ## docs/safety.md, from the tables of incidents and faults
	$(GO) test ./engine/enginetest/museum -run TestSafetyPage -update

museum: ## take each guard out of the source and see its test die; some seconds for each of some eighty
	$(GO) test ./engine/enginetest/museum -run TestWithoutTheGuard -without . -update -timeout 0 -v
	$(MAKE) safety

mutants: ## SAMPLE (430) small changes of what guards people's access: how many of them do the tests notice?
	$(GO) test ./engine/enginetest/mutants -run TestScore -sample $(SAMPLE) -timeout 0 -v
	$(MAKE) safety

coverage: ## which branches of what guards people's access no test takes; fails if there are more than before. KEEP=-update keeps the figures
	$(GO) test ./engine/enginetest/coverage -run TestCoverage -measure $(KEEP) -timeout 60m -v
	$(MAKE) safety

fmt: ## gofmt in place
	gofmt -w cmd connectors engine migrations policies

clean: ## what building and testing leave behind
	rm -rf bin rolecall
	find connectors -name node_modules -type d -prune -exec rm -rf {} +
