package bench

import (
	"context"

	"holdfast/perf/load"
)

// Names that the tests use.
var (
	MallocsAt          = mallocsAt
	FreeAddresses      = freeAddresses
	PlainName          = plainName
	RemoveAllButNewest = removeAllButNewest
)

// Comparisons returns the names of all comparisons.
func Comparisons() (names []string) {
	for _, w := range comparisons() {
		names = append(names, w.name)
	}
	return names
}

// Peers builds the peers into dir.
func Peers(ctx context.Context, dir, addr, admin string) (servers []load.Server, notes []string) {
	return (&bench{dir: dir, addr: addr, admin: admin}).peers(ctx)
}

// HideFolders removes the paths of a program and a folder from texts.
func HideFolders(program, dir string, texts []string) {
	(&bench{Options: &Options{Program: program}, dir: dir}).hideFolders(texts)
}
