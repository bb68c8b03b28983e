# Shortcuts; .ci/run is what decides.

.PHONY: all build image test race lint fuzz gates generate tidy ci clean

all: build test

build:
	go build -o holdfast ./cmd/holdfast

# image builds a static program, and the image of deploy/Dockerfile with it.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
IMAGE_FOLDER ?= build/image
ENGINE ?= $(shell command -v podman || command -v docker)

image:
	mkdir -p $(IMAGE_FOLDER)/folders/data $(IMAGE_FOLDER)/folders/tmp
	CGO_ENABLED=0 go build -ldflags "-s -w -X main.release=$(VERSION)" -o $(IMAGE_FOLDER)/holdfast ./cmd/holdfast
	$(ENGINE) build $(if $(findstring podman,$(ENGINE)),--format docker) --build-arg VERSION=$(VERSION) \
		-t holdfast:$(VERSION) -t holdfast:latest -f deploy/Dockerfile $(IMAGE_FOLDER)

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
	rm -rf holdfast build
