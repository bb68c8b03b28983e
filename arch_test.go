// Package holdfast_test looks at the tree as a whole: which package may import
// which, and what folders there are.
package holdfast_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that every package of ours begins with.
const module = "holdfast"

// mayImport is the table of the design: what of ours a package may import in
// code that is not a test. A package without a row is under the row of the
// folder above it, and may always import what lies below that row. "biz/*"
// means everything below biz, "*" everything.
var mayImport = map[string][]string{
	"codec":          {},
	"pool":           {},
	"engine":         {"codec", "codec/pb", "codec/websocket", "pool"},
	"biz/ledger":     {},
	"biz/market":     {"biz/ledger", "biz/textfile"},
	"biz/textfile":   {},
	"biz/fix":        {"codec/fix"},
	"biz/fixclient":  {"codec/fix", "biz/fix", "biz/client"},
	"biz/fixecho":    {"engine", "codec", "codec/fix", "biz/fix"},
	"biz/fserror":    {},
	"biz/jsonfile":   {"biz/textfile"},
	"biz/seed":       {"biz/jsonfile", "biz/textfile", "biz/ledger", "biz/market"},
	"biz/journal":    {},
	"biz/history":    {"biz/ledger"},
	"biz/checkpoint": {"biz/journal"}, // a checkpoint says which batch it follows (journal.Point)
	"biz/desk":       {"biz/ledger", "biz/market", "biz/seed", "biz/checkpoint", "biz/journal", "biz/history"},
	"biz/gateway":    {"engine", "codec", "codec/pb", "codec/fix", "biz/fix", "biz/desk", "biz/ledger", "biz/market", "biz/seed"},
	"biz/simulation": {"biz/desk", "biz/ledger", "biz/market"},
	"biz/script":     {"biz/jsonfile", "biz/textfile", "biz/ledger", "biz/market", "biz/seed", "biz/desk", "codec/pb"},
	"biz/console":    {"codec", "biz/gateway", "biz/ledger", "docs"},
	"docs":           {},
	"biz/server":     {"engine", "biz/*"},
	"biz/cluster":    {"engine", "biz/checkpoint", "biz/desk", "biz/history", "biz/journal", "biz/ledger", "biz/market", "biz/server", "biz/simulation"},
	"biz/transcript": {"biz/textfile"},
	"biz/chat":       {"engine", "codec", "codec/chat", "codec/pb"},
	"biz/client":     {"codec", "codec/pb"},
	"biz/scenario":   {"biz/client", "biz/textfile", "perf/table"},
	"perf":           {"biz/fserror", "biz/textfile", "codec", "codec/pb", "biz/client", "perf/process"},
	"perf/process":   {},
	"perf/bench":     {"perf/*", "biz/fserror", "biz/seed"},
	"perf/goconn":    {"engine", "codec", "codec/pb"},
	"perf/load":      {"codec", "codec/chat", "codec/fix", "codec/pb", "codec/websocket", "perf/table", "perf/progress", "perf/process"},
	"perf/table":     {},
	"perf/progress":  {"perf/table"},
	"perf/txlog":     {"biz/desk", "biz/history", "biz/journal", "biz/ledger"},
	"perf/chaos":     {"biz/fserror", "codec", "codec/fix", "codec/pb", "biz/client", "biz/checkpoint", "biz/journal", "perf/*"},
	"cmd/holdfast":   {"*"},
	"deploy":         {},

	"biz/scenario/venue": {"engine", "biz/*"},

	"biz/cluster/front":  {"engine", "codec", "codec/fix", "codec/pb", "codec/websocket", "biz/ledger", "biz/cluster/link"},
	"biz/cluster/link":   {"engine", "codec", "codec/fix", "codec/pb", "biz/ledger"},
	"biz/cluster/quotes": {"biz/desk", "biz/ledger", "biz/market", "biz/seed", "biz/simulation"},

	"cmd/holdfast/backup":   {"biz/checkpoint", "biz/desk", "biz/history", "biz/journal", "biz/server", "perf/table"},
	"cmd/holdfast/config":   {"biz/fserror", "biz/jsonfile", "biz/textfile", "biz/ledger", "biz/market", "biz/seed", "perf/table"},
	"cmd/holdfast/export":   {"biz/client", "biz/desk", "biz/ledger", "biz/market", "biz/server"},
	"cmd/holdfast/host":     {"engine", "codec", "codec/chat", "codec/fix", "codec/websocket", "biz/*", "perf/goconn", "perf/txlog", "cmd/holdfast/config", "cmd/holdfast/pemfile"},
	"cmd/holdfast/inspect":  {"biz/fserror", "biz/checkpoint", "biz/desk", "biz/journal", "biz/ledger", "biz/seed", "perf/table"},
	"cmd/holdfast/terminal": {"biz/client", "biz/fixclient", "biz/textfile", "codec/fix", "codec/chat", "perf/progress", "perf/table"},
	"cmd/holdfast/pemfile":  {"cmd/holdfast/config"},
	"cmd/holdfast/stream":   {},
	"cmd/holdfast/submit":   {"biz/client", "cmd/holdfast/terminal", "perf/table"},
	"perf/conformance":      {"perf/table"},
}

// onlyIn lists foreign modules, by the beginning of their path, that belong to
// some packages of ours (and what lies below them), tests included.
var onlyIn = map[string][]string{
	"github.com/panjf2000/gnet": {"engine", "perf/load"},
	"github.com/nats-io":        {"biz/cluster", "biz/journal"},
	"github.com/jackc/pgx":      {"biz/history"},
	"github.com/spf13":          {"cmd/holdfast"},
}

// pure packages take everything they know as arguments: code in them that is not
// a test imports none of impureImports.
var (
	pure          = []string{"codec", "codec/chat", "codec/fix", "codec/websocket", "biz/fix", "biz/ledger", "biz/market"}
	impureImports = []string{"log", "log/slog", "math/rand", "net", "os", "syscall", "time"}
)

// vagueNames are package names that say nothing.
var vagueNames = []string{"base", "common", "data", "helper", "helpers", "impl", "info", "lib", "misc", "shared", "util", "utils"}

// topFolders are the folders at the top that hold packages.
var topFolders = []string{"engine", "codec", "biz", "pool", "cmd", "perf", "deploy", "docs"}

// goPackage is one package of ours: what its files import on any platform.
type goPackage struct {
	ImportPath  string
	Imports     []string
	TestImports []string // of its _test.go files
}

// folder is the package's folder in the module, "" for the top.
func (p goPackage) folder() string { return folderOf(p.ImportPath) }

func folderOf(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func isOurs(importPath string) bool { return within(importPath, module) }

// within tells whether the path name is folder or lies below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// violations returns one line for every rule that p breaks.
func violations(p goPackage) []string {
	return slices.Concat(badFolder(p), badArrows(p), badForeign(p), badPurity(p))
}

func badFolder(p goPackage) []string {
	if p.folder() == "" {
		return nil
	}
	var bad []string
	if top, _, _ := strings.Cut(p.folder(), "/"); !slices.Contains(topFolders, top) {
		bad = append(bad, fmt.Sprintf("%s: folder %s is not one of %v", p.folder(), top, topFolders))
	}
	if name := path.Base(p.folder()); slices.Contains(vagueNames, name) {
		bad = append(bad, fmt.Sprintf("%s: the name %s says nothing", p.folder(), name))
	}
	return bad
}

// row finds the row of the table that a folder is under.
func row(folder string) (string, bool) {
	for ; folder != "." && folder != ""; folder = path.Dir(folder) {
		if _, ok := mayImport[folder]; ok {
			return folder, true
		}
	}
	return "", false
}

func badArrows(p goPackage) []string {
	if p.folder() == "" {
		return nil // only tests are at the top
	}
	from, ok := row(p.folder())
	if !ok {
		return []string{p.folder() + ": has no row in the table of the design"}
	}
	var bad []string
	for _, imported := range p.Imports {
		if isOurs(imported) && !allowed(from, folderOf(imported)) {
			bad = append(bad, fmt.Sprintf("%s: may not import %s", p.folder(), folderOf(imported)))
		}
	}
	return bad
}

// allowed tells whether a package under the row from may import to.
func allowed(from, to string) bool {
	if within(to, from) {
		return true
	}
	for _, entry := range mayImport[from] {
		above, all := strings.CutSuffix(entry, "/*")
		if entry == "*" || entry == to || all && within(to, above) {
			return true
		}
	}
	return false
}

func badForeign(p goPackage) []string {
	var bad []string
	for _, imported := range slices.Concat(p.Imports, p.TestImports) {
		for begin, homes := range onlyIn {
			home := func(folder string) bool { return within(p.folder(), folder) }
			if strings.HasPrefix(imported, begin) && !slices.ContainsFunc(homes, home) {
				bad = append(bad, fmt.Sprintf("%s: %s belongs in %v", p.folder(), imported, homes))
			}
		}
	}
	return bad
}

func badPurity(p goPackage) []string {
	if !slices.Contains(pure, p.folder()) {
		return nil
	}
	var bad []string
	for _, imported := range p.Imports {
		if slices.Contains(impureImports, imported) {
			bad = append(bad, fmt.Sprintf("%s: is pure and may not import %s", p.folder(), imported))
		}
	}
	return bad
}

func TestArchitecture(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, bad := range violations(p) {
			t.Error(bad)
		}
	}
}

// listPackages reads the imports of all packages of the module. It reads the
// files itself, not through the Go tool, so that a cached result of this test is
// dropped when any of them changes.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	found := make(map[string]*goPackage)
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata"):
			return fs.SkipDir
		case entry.IsDir() && file != "." && isModule(file):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		importPath := path.Join(module, filepath.ToSlash(filepath.Dir(file)))
		if found[importPath] == nil {
			found[importPath] = &goPackage{ImportPath: importPath}
		}
		return found[importPath].addFile(file)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 2 {
		t.Fatalf("found %d packages: this is not the tree that the test is for", len(found))
	}
	var all []goPackage
	for _, importPath := range slices.Sorted(maps.Keys(found)) {
		all = append(all, *found[importPath])
	}
	return all
}

// isModule reports whether a folder holds a separate module, which the design does not
// cover.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// addFile adds the imports of a Go file.
func (p *goPackage) addFile(name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	to := &p.Imports
	if strings.HasSuffix(name, "_test.go") {
		to = &p.TestImports
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		*to = append(*to, imported)
	}
	return nil
}

func TestRulesCatch(t *testing.T) {
	cases := []struct {
		name    string
		folder  string
		imports []string
		inTest  bool
		want    string
	}{
		{"arrow that is allowed", "engine", []string{"holdfast/codec", "holdfast/pool"}, false, ""},
		{"package below its own row", "biz/journal/block", []string{"holdfast/biz/journal"}, false, ""},
		{"everything below biz", "biz/server", []string{"holdfast/biz/ledger"}, false, ""},
		{"wiring", "cmd/holdfast", []string{"holdfast/engine", "holdfast/perf/load"}, false, ""},
		{"no row of its own", "perf/plot", []string{"holdfast/perf/load", "holdfast/biz/client"}, false, ""},
		{"test of a leaf", "biz/client", []string{"holdfast/biz/server"}, true, ""},
		{"session in a desk", "biz/desk", []string{"holdfast/engine"}, false, "biz/desk: may not import engine"},
		{"message in a desk", "biz/desk", []string{"holdfast/codec/pb"}, false, "biz/desk: may not import codec/pb"},
		{"arrow upwards", "codec", []string{"holdfast/engine"}, false, "codec: may not import engine"},
		{"arrow sideways", "biz/ledger", []string{"holdfast/biz/market"}, false, "biz/ledger: may not import biz/market"},
		{"out of a folder below", "codec/pb", []string{"holdfast/pool"}, false, "codec/pb: may not import pool"},
		{"similar name", "engine", []string{"holdfast/codecs"}, false, "engine: may not import codecs"},
		{"no row", "biz/novelty", nil, false, "biz/novelty: has no row in the table of the design"},
		{"vague name", "engine/util", nil, false, "engine/util: the name util says nothing"},
		{"new folder at the top", "stuff", nil, false, "stuff: folder stuff is not one of [engine codec biz pool cmd perf deploy docs]"},
		{"reactor elsewhere", "biz/gateway", []string{"github.com/panjf2000/gnet/v2"}, false, "biz/gateway: github.com/panjf2000/gnet/v2 belongs in [engine perf/load]"},
		{"journal elsewhere, in a test", "biz/history", []string{"github.com/nats-io/nats.go"}, true, "biz/history: github.com/nats-io/nats.go belongs in [biz/cluster biz/journal]"},
		{"clock in the core", "biz/ledger", []string{"time"}, false, "biz/ledger: is pure and may not import time"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := goPackage{ImportPath: module + "/" + tc.folder, Imports: tc.imports}
			if tc.inTest {
				p.Imports, p.TestImports = nil, tc.imports
			}
			bad := violations(p)
			if tc.want == "" && len(bad) > 0 || tc.want != "" && !slices.Contains(bad, tc.want) {
				t.Errorf("got %q, want %q", bad, tc.want)
			}
		})
	}
}
