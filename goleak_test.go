package holdfast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// goroutineless lists the packages whose code and tests start no goroutine, so
// that nothing can be left behind.
var goroutineless = []string{
	"", "biz/fserror", "biz/jsonfile", "biz/ledger", "biz/market", "biz/seed", "biz/textfile", "cmd/holdfast/config", "perf/plot", "perf/report",
}

// TestLeaksAreLookedFor: a package with tests looks for goroutines that outlive
// them, unless it is one that starts none.
func TestLeaksAreLookedFor(t *testing.T) {
	checked := 0
	for _, p := range listPackages(t) {
		if len(p.TestImports) == 0 {
			continue
		}
		looks, quiet := slices.Contains(p.TestImports, "go.uber.org/goleak"), slices.Contains(goroutineless, p.folder())
		starts := startsGoroutines(t, p.folder())
		switch {
		case looks && quiet:
			t.Errorf("%s: looks for leaks and is listed as a package without goroutines", p.folder())
		case !looks && !quiet:
			t.Errorf("%s: needs a TestMain with goleak.VerifyTestMain", p.folder())
		case quiet && starts != "":
			t.Errorf("%s: is listed as a package without goroutines, and %s starts one", p.folder(), starts)
		}
		checked++
	}
	if checked < 10 {
		t.Errorf("looked at %d packages: this is not the tree that the test is for", checked)
	}
}

// startsGoroutines returns a file of the folder with a go statement, "" if there is no
// such file. WaitGroup.Go does not count: its caller waits for the goroutine.
func startsGoroutines(t *testing.T, folder string) (found string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(".", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				found = name
			}
			return true
		})
	}
	return found
}
