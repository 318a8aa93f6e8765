# The two commands of the project are `make run` and `make test`; the rest is parts
# of them and what is run now and then.

GO   ?= go
TOOL := $(GO) tool -modfile=tools/go.mod
BUF  := $(TOOL) buf

# The clients, each with a Makefile of its own: clients/README.md says what is in it.
CLIENTS := $(patsubst clients/%/Makefile,%,$(wildcard clients/*/Makefile))

# Packages whose tests run with the race detector. e2e starts whole processes and
# is run without it: what it needs of the race detector the others prove.
UNIT := $(shell $(GO) list ./... | grep -v /e2e)

.PHONY: help
help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## a demo: S3 server, service, 30 events, one object (ONCE=1: stop after it)
	@mkdir -p .demo
	@$(GO) build -o .demo/demo ./e2e/demo
	@exec .demo/demo $(if $(ONCE),--once)

.PHONY: trace-demo
trace-demo: ## a traced event through the service into Jaeger, its trace as a tree (ONCE=1: stop after it; JAEGER=a release's program, with UI)
	@mkdir -p .demo
	@$(GO) build -o .demo/tracedemo ./e2e/tracedemo
	@exec .demo/tracedemo $(if $(ONCE),--once) $(if $(JAEGER),--jaeger $(JAEGER))

.PHONY: build
build: ## bin/destinations
	$(GO) build -o bin/destinations ./cmd/destinations

.PHONY: test
test: observability terraform deploy lint ## everything: lint, alerts and dashboard, unit tests with -race, whole-process tests
	@$(MAKE) --no-print-directory -j2 -O unit-race batcher-race batcher-long power clients-test
	@$(MAKE) --no-print-directory e2e

# What moves so much through the batcher, or counts so much time, that it takes minutes
# with the race detector; it runs without, like the full number of seeds.
HEAVY := LargeBatch|LargerThanTheMemory|LargerMemory|StatesAreLoaded|HalfOfTheDestinations|BlockedDestinationsHold|WhenMemoryIsShort|HalfRead|ThatHangHold|HangingPrefixes|DuplicatesOfBlocked|FuzzControl|FullDiskHolds|EveryOperationFailsWhile

# Tests of the batcher whose number of seeds is smaller with -short.
SEEDS := TheFold|CatchUpLeaves|ParkingWhateverHappens|PowerFails|LargeBatchIsParked

.PHONY: unit
unit: unit-race batcher-race batcher-long ## unit tests, with -race; the batcher's many seeds and heavy tests without

.PHONY: unit-race
unit-race:
	$(GO) test -race -shuffle=on -timeout 10m $(filter-out %/batcher,$(UNIT))

.PHONY: batcher-race
batcher-race:
	$(GO) test -race -short -skip '$(HEAVY)' -shuffle=on -timeout 10m ./batcher

.PHONY: batcher-long
batcher-long:
	$(GO) test -run '$(HEAVY)|$(SEEDS)' -shuffle=on -timeout 10m ./batcher

.PHONY: power
power: ## a journal in memory whose power fails 10,000 times, which -race has no time for
	$(GO) test -run PowerFailsAnywhere -count 1 -v -timeout 10m ./journal

.PHONY: clients-test
clients-test: ## unit tests of the clients
	@for c in $(CLIENTS); do $(MAKE) --no-print-directory -s -C clients/$$c test || exit 1; done

.PHONY: packages
packages: ## the clients' packages as they would be published, in clients/*/dist
	@for c in $(CLIENTS); do $(MAKE) --no-print-directory -s -C clients/$$c package || exit 1; done

.PHONY: e2e
e2e: ## whole processes against a real S3 server, the API from other languages, and the clients
	$(GO) -C e2e/s3server test ./...
	$(GO) test -count=1 -timeout 15m ./e2e/...

.PHONY: conformance
conformance: ## the clients against one behaviour: LANGUAGES=go,node RUN=part-of-a-scenario's-name
	CONFORMANCE_LANGUAGES=$(LANGUAGES) CONFORMANCE_RUN=$(RUN) $(GO) test -count=1 -v -run TestClients -timeout 20m ./e2e/conformance

.PHONY: observability
observability: ## alerts and dashboard of deploy/observability; needs promtool
	@command -v promtool > /dev/null || { echo "promtool is missing: install Debian's package prometheus (apt-get install --no-install-recommends prometheus), or Prometheus from prometheus.io" >&2; exit 1; }
	cd deploy/observability && promtool check rules alerts.yml && promtool test rules alerts_test.yml
	$(GO) -C deploy/observability test ./...

.PHONY: terraform
terraform: ## what policy prints for Terraform, read by its parser
	$(GO) -C policy/hcl test -count=1 ./...

.PHONY: deploy
deploy: ## unit, Dockerfile and manifests of deploy, and that the service starts with them; on Linux, needs systemd-analyze
	@[ "$$(uname)" != Linux ] || command -v systemd-analyze > /dev/null || { echo "systemd-analyze is missing: install Debian's package systemd (apt-get install --no-install-recommends systemd)" >&2; exit 1; }
	$(GO) -C deploy/checks test -count=1 ./...

.PHONY: lint
lint: format vet staticcheck proto clients-lint ## format, vet, staticcheck, proto, the clients

.PHONY: clients-lint
clients-lint: ## each client's lint, and its generated code up to date
	@for c in $(CLIENTS); do $(MAKE) --no-print-directory -s -C clients/$$c lint check || exit 1; done

.PHONY: format
format: ## fails if a file is not gofmt's
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$files" ]; then echo "not formatted (run gofmt -w): $$files"; exit 1; fi

.PHONY: vet
vet: ## go vet, every module
	$(GO) vet ./...
	$(GO) -C e2e/s3server vet ./...
	$(GO) -C deploy/observability vet ./...
	$(GO) -C deploy/checks vet ./...
	$(GO) -C policy/hcl vet ./...

.PHONY: staticcheck
staticcheck: ## staticcheck
	$(TOOL) staticcheck ./...
	cd e2e/s3server && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...
	cd deploy/observability && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...
	cd deploy/checks && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...
	cd policy/hcl && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...

.PHONY: proto
proto: ## buf lint, breaking changes against the last release, generated code up to date
	$(BUF) lint
	$(BUF) breaking --against proto/released.binpb
	$(BUF) breaking --config buf.journal.yaml --against proto/released.binpb
	@rm -rf bin/generated && mkdir -p bin/generated
	@$(BUF) generate -o bin/generated
	@diff -r gen bin/generated/gen || { echo "generated code is out of date: run make generate"; exit 1; }
	@rm -rf bin/generated

.PHONY: generate
generate: ## write gen/, and the clients' generated code, anew
	$(BUF) generate
	@for c in $(CLIENTS); do $(MAKE) --no-print-directory -s -C clients/$$c generate || exit 1; done

.PHONY: release-proto
release-proto: ## make today's protos the ones that later ones may not break
	$(BUF) build --exclude-source-info -o proto/released.binpb

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (1m)
	@for pkg in $(UNIT); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(or $(FUZZTIME),1m) -fuzzminimizetime 5x $$pkg || exit 1; \
	  done; \
	done

.PHONY: kills
kills: ## kill the service KILLS=20 times under load that is sent again, with grants (OPEN=1: without), read back: SEED=
	@$(GO) run ./e2e/soak kills --kills $(or $(KILLS),20) $(if $(OPEN),--open) $(if $(SEED),--seed $(SEED))

.PHONY: outage
outage: ## three minutes without S3 under load, read back: LASTING=3m RATE=20 SEED=
	@$(GO) run ./e2e/soak outage --lasting $(or $(LASTING),3m) --rate $(or $(RATE),20) $(if $(SEED),--seed $(SEED))

.PHONY: soak
soak: ## for hours: kills (KILLS=500), outage, fuzz
	@$(MAKE) kills KILLS=$(or $(KILLS),500)
	@$(MAKE) outage
	@$(MAKE) fuzz

.PHONY: bench
bench: ## the whole service under load, read back: DURATION=90s RATE=0 DESTINATIONS=1,10000
	@$(GO) run ./bench --duration $(or $(DURATION),90s) --rate $(or $(RATE),0) --destinations $(or $(DESTINATIONS),1$(comma)10000)

.PHONY: bench-many
bench-many: ## 100,000 destinations, an event a minute each: DURATION=3m
	@$(GO) run ./bench --destinations 100000 --even --rate 1667 --window 1m --flush=false --duration $(or $(DURATION),3m)

.PHONY: bench-bad
bench-bad: ## 50 bad destinations among 1,000: what the others feel: DURATION=2m RATE=20000
	@$(GO) run ./bench bad $(if $(DURATION),--duration $(DURATION)) $(if $(RATE),--rate $(RATE))

.PHONY: bench-expired
bench-expired: ## credentials that expire and are cured: how often the journal is read: DURATION=1m RATE=10000
	@$(GO) run ./bench expired $(if $(DURATION),--duration $(DURATION)) $(if $(RATE),--rate $(RATE))

.PHONY: bench-overload
bench-overload: ## S3 takes a tenth of what 200 streams offer: DURATION=1m RATE=20 (MB/s)
	@$(GO) run ./bench overload $(if $(DURATION),--duration $(DURATION)) $(if $(RATE),--rate $(RATE))

.PHONY: bench-status
bench-status: ## what 100 GetDelivery/s and 50 watchers cost: DURATION=40s RATE=0 ROUNDS=3
	@$(GO) run ./bench status $(if $(DURATION),--duration $(DURATION)) $(if $(RATE),--rate $(RATE)) $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-ledger
bench-ledger: ## how long a ledger with ROWS=10000000 takes to answer for a receipt; needs 4 GB
	@$(GO) test ./ledger -run '^$$' -bench 'OneReceipt' -benchtime 20000x -timeout 60m -rows $(or $(ROWS),10000000)

.PHONY: bench-telemetry
bench-telemetry: ## what metrics and spans cost, in turns: DURATION=20s RATE=0 ROUNDS=3
	@$(GO) run ./bench telemetry --duration $(or $(DURATION),20s) --rate $(or $(RATE),0) --rounds $(or $(ROUNDS),3)

.PHONY: bench-backlog
bench-backlog: ## a start with a full journal: MIB=5120
	@$(GO) run ./bench backlog $(if $(MIB),--mib $(MIB))

.PHONY: bench-auth
bench-auth: ## what authentication and grants cost, in turns without: ROUNDS=5 DURATION=20s RATE=0 DESTINATIONS=1000
	@$(GO) run ./bench auth --rounds $(or $(ROUNDS),5) --duration $(or $(DURATION),20s) --rate $(or $(RATE),0) --destinations $(or $(DESTINATIONS),1000)

.PHONY: bench-tenants
bench-tenants: ## a tenant beside one that offers 50 times its rate, and alone: DURATION=30s
	@$(GO) run ./bench tenants $(if $(DURATION),--duration $(DURATION))

.PHONY: bench-hostile
bench-hostile: ## what a client feels of hostile ones, attack by attack: DURATION=5s
	@$(GO) run ./bench hostile $(if $(DURATION),--duration $(DURATION))

.PHONY: bench-clients
bench-clients: ## one process of each client, beside ingest: LANGUAGES=go,node DURATION=10s
	@$(GO) run ./bench clients $(if $(DURATION),--duration $(DURATION)) $(if $(LANGUAGES),--languages $(LANGUAGES))

.PHONY: profile
profile: ## CPU, allocation and block profiles of such a run, in .bench/profiles
	@$(GO) run ./bench --duration $(or $(DURATION),30s) --rate $(or $(RATE),0) --destinations $(or $(DESTINATIONS),1$(comma)10000) --profile .bench/profiles

.PHONY: microbench
microbench: ## Go benchmarks of the packages, with allocations
	$(GO) test -run '^$$' -bench . -benchmem $(UNIT)

# What a release is called: its tag, or VERSION=v1.2.3.
VERSION   ?= $(or $(shell git describe --tags --match 'v[0-9]*' --dirty=+changes 2> /dev/null),v0.0.0)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
RELEASING := $(GO) tool -modfile=tools/release/go.mod

.PHONY: release
release: ## dist/: a binary of each of PLATFORMS, its SBOM (CycloneDX), SHA256SUMS: VERSION=v1.2.3
	@rm -rf dist && mkdir dist
	@for p in $(PLATFORMS); do \
	  name=dist/destinations-$(VERSION)-$${p%/*}-$${p#*/}; \
	  $(MAKE) --no-print-directory release-binary OS=$${p%/*} ARCH=$${p#*/} OUT=$$name || exit 1; \
	  $(RELEASING) cyclonedx-gomod bin -json -std -noserial -notimestamp -version $(VERSION) -output $$name.cdx.json $$name || exit 1; \
	done
	@cd dist && { command -v sha256sum > /dev/null && sha256sum destinations-* || shasum -a 256 destinations-*; } > SHA256SUMS && cat SHA256SUMS

# What could change the bytes stands here, and nothing of the environment counts.
.PHONY: release-binary
release-binary: ## OUT=FILE for OS=linux ARCH=amd64: static, the same bytes from the same commit and Go wherever it is built
	GOFLAGS=-buildvcs=auto GOWORK=off GOEXPERIMENT= CGO_ENABLED=0 GOOS=$(OS) GOARCH=$(ARCH) GOAMD64=v1 GOARM64=v8.0 \
	  $(GO) build -trimpath -ldflags '-s -w -buildid= -X main.version=$(VERSION)' -o $(OUT) ./cmd/destinations

.PHONY: release-twice
release-twice: ## make release in two clones of HEAD, without what was built before: the same bytes (10 min of CPU for each of PLATFORMS)
	@rm -rf bin/twice && mkdir -p bin/twice/again
	@for clone in bin/twice/one bin/twice/again/another; do \
	  git clone -q . $$clone && GOCACHE=$$(pwd)/$$clone.cache $(MAKE) --no-print-directory -C $$clone release VERSION=$(VERSION) PLATFORMS="$(PLATFORMS)" || exit 1; \
	done
	@diff bin/twice/one/dist/SHA256SUMS bin/twice/again/another/dist/SHA256SUMS && echo "the same bytes twice"
	@rm -rf bin/twice

VULNDB ?= https://vuln.go.dev

.PHONY: vuln
vuln: ## known vulnerabilities of what is called (govulncheck); no part of make test: VULNDB=file:///FOLDER
	@for module in . clients/go; do \
	  echo "govulncheck in $$module"; \
	  (cd $$module && $(GO) tool -modfile=$(CURDIR)/tools/release/go.mod govulncheck -db $(VULNDB) ./...); code=$$?; \
	  case $$code in 0) ;; 3) exit 3 ;; *) \
	    echo "NOTHING IS SAID ABOUT $$module: the error stands above. govulncheck needs the database at $(VULNDB), or a copy of it: make vuln VULNDB=file:///FOLDER" >&2; exit 1 ;; esac; \
	done

comma := ,
