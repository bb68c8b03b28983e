# Shortcuts; .ci/run is what decides.

.PHONY: all build test race lint fuzz gates generate tidy ci clean

all: build test

build:
	go build -o holdfast ./cmd/holdfast

test:
	go test ./...

race:
	go test -race -shuffle=on ./...

lint:
	go tool -modfile=.ci/tools.mod golangci-lint run ./...

fuzz:
	FUZZTIME=30 bash .ci/run fuzz

gates:
	bash .ci/run gates

generate:
	cd codec/pb && go tool -modfile=tools.mod buf generate
	go generate ./...

tidy:
	go mod tidy
	cd perf/peers && go mod tidy

ci:
	bash .ci/run

clean:
	rm -f holdfast
