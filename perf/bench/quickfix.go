package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"holdfast/perf/load"
)

// quickFIX and quickFIXMemory are the executor on QuickFIX C++, with its store in files and in memory.
const (
	quickFIX       = "quickfix"
	quickFIXMemory = "quickfix-memory"
)

// quickFIXSessions is the largest number of sessions of the executors on QuickFIX: it waits with
// select(2), and each session has four files.
const quickFIXSessions = 1000

// quickFIXHeader is a file of the library's package.
const quickFIXHeader = "/usr/include/quickfix/SocketAcceptor.h"

func isQuickFIX(name string) bool { return name == quickFIX || name == quickFIXMemory }

// quickFIXPeers builds the executor on QuickFIX C++. Without it, a note says why and what to install.
func (b *bench) quickFIXPeers(ctx context.Context) (servers []load.Server, notes []string) {
	servers, err := b.buildQuickFIX(ctx)
	if err != nil {
		notes = []string{quickFIX + " and " + quickFIXMemory + " were left out: " + err.Error()}
	}
	return servers, notes
}

func (b *bench) buildQuickFIX(ctx context.Context) ([]load.Server, error) {
	const install = "apt-get install g++ libquickfix-dev"
	source, err := peersSource()
	if err != nil {
		return nil, fmt.Errorf("%w: run this in the source tree", err)
	}
	if _, err := os.Stat(quickFIXHeader); err != nil {
		return nil, fmt.Errorf("%w: %s", err, install)
	}
	program := filepath.Join(b.dir, quickFIX)
	err = compile(ctx, source, "g++", install, "-O2", "-std=c++14", "-Wno-deprecated", "-o", program, "quickfix/executor.cpp", "-lquickfix", "-lpthread")
	if err != nil {
		return nil, err
	}
	first, sessions := uint32(0), min(len(b.accounts), quickFIXSessions)
	if sessions > 0 {
		first = b.accounts[0].Customer // the others follow it
	}
	cmd := []string{program, "--listen", b.addr, "--first", strconv.Itoa(int(first)), "--sessions", strconv.Itoa(sessions), "--store"}
	server := func(name, store string) load.Server {
		return load.Server{Name: name, Addr: b.addr, Dialect: load.DialectFIX, Disposable: true, Cmd: append(slices.Clone(cmd), store)}
	}
	return []load.Server{server(quickFIX, filepath.Join(b.dir, "quickfix-store")), server(quickFIXMemory, "memory")}, nil
}
