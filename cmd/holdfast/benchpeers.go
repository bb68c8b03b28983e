package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/perf/load"
)

// peersFolder is where their source stands below the root of the module.
const peersFolder = "perf/peers"

var errNoSource = errors.New("no go.mod of holdfast in the working directory or above")

// peers builds the servers that are made with other libraries, and the one in C,
// and returns those that could be built, in the order netpoll, nbio, zinx, c. For
// what could not, a note says what is missing and how to get it.
func (b *bench) peers(ctx context.Context) (servers []load.Server, notes []string) {
	source, err := findPeers()
	if err != nil {
		return nil, []string{"netpoll, nbio, zinx and c were left out: they are built from source: run this in the source tree"}
	}
	libraries := []string{"netpoll", "nbio", "zinx"}
	if err := b.buildLibraries(ctx, source, libraries); err != nil {
		notes = append(notes, "netpoll, nbio and zinx were left out: "+err.Error())
	} else {
		for _, name := range libraries {
			servers = append(servers, b.library(name))
		}
	}
	program := filepath.Join(b.dir, "c")
	if err := buildC(ctx, source, program); err != nil {
		notes = append(notes, "c was left out: "+err.Error())
	} else {
		servers = append(servers, load.Server{Name: "c", Cmd: []string{program, "--listen", b.addr}, Addr: b.addr})
	}
	return servers, notes
}

// library is the server that buildLibraries made with the library of that name.
func (b *bench) library(name string) load.Server {
	return load.Server{
		Name:    name,
		Cmd:     []string{filepath.Join(b.dir, name), "--listen", b.addr, "--stats", b.admin},
		Addr:    b.addr,
		Mallocs: mallocsAt(b.admin),
	}
}

// findPeers looks for the source from the working directory upwards.
func findPeers() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module holdfast\n")) {
			return filepath.Join(dir, peersFolder), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errNoSource
		}
	}
}

// buildLibraries builds one program for each name into the folder of the bench.
// The libraries are in a module of their own.
func (b *bench) buildLibraries(ctx context.Context, source string, names []string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("%w: install Go 1.26 from https://go.dev/dl", err)
	}
	args := []string{"build", "-o", b.dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	return runBuild(ctx, source, "go", args...)
}

func buildC(ctx context.Context, source, program string) error {
	if _, err := exec.LookPath("gcc"); err != nil {
		return fmt.Errorf("%w: apt-get install gcc libc6-dev", err)
	}
	return runBuild(ctx, source, "gcc", "-O2", "-o", program, "epoll/epoll.c")
}

// runBuild runs a compiler in the folder dir. Its error ends with what the
// compiler said last.
func runBuild(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s failed: %w: %s", program, err, lines[len(lines)-1])
	}
	return nil
}
