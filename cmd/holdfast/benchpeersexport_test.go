package main

import (
	"context"

	"holdfast/perf/load"
)

// MallocsAt is what reads the allocations of a server that is measured.
var MallocsAt = mallocsAt

// BenchPeers builds the peers into dir.
func BenchPeers(ctx context.Context, dir, addr, admin string) (servers []load.Server, notes []string) {
	return (&bench{dir: dir, addr: addr, admin: admin}).peers(ctx)
}

// FreeAddresses picks two addresses for them.
var FreeAddresses = freeAddresses

// HideFolders is for a program and a folder of its own.
func HideFolders(self, dir string, texts []string) {
	(&bench{self: self, dir: dir}).hideFolders(texts)
}
