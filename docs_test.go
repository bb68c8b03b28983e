package holdfast_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/perf/chaos"
)

// TestDependenciesHaveReasons: a module that our code imports is in a table
// of CONTRIBUTING.md, as does each direct one of the peers, and the tables name no
// other.
func TestDependenciesHaveReasons(t *testing.T) {
	modules := submatches(t, "go.mod", `(?m)^\t([a-z][^ ]+\.[^ ]+) v`)
	listed := submatches(t, "CONTRIBUTING.md", `(?m)^\| ([a-z]+\.[a-z.]+/\S+) \|`)
	used := submatches(t, "perf/peers/go.mod", `(?m)^\t([a-z][^ ]+\.[^ ]+) v\S+$`)
	if len(modules) < 10 || len(listed) < 10 || len(used) == 0 {
		t.Fatalf("read %d modules, %d of the peers and %d reasons: the pages look otherwise", len(modules), len(used), len(listed))
	}
	modules = slices.Concat(modules, used)
	for _, p := range listPackages(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports) {
			if m, ok := moduleOf(imported, modules); ok {
				used = append(used, m)
			}
		}
	}
	for _, m := range used {
		if !slices.Contains(listed, m) {
			t.Errorf("%s is imported and has no reason in CONTRIBUTING.md", m)
		}
	}
	for _, m := range listed {
		if !slices.Contains(modules, m) {
			t.Errorf("%s stands in CONTRIBUTING.md and not in go.mod", m)
		}
	}
}

// moduleOf finds the module that a package belongs to.
func moduleOf(importPath string, modules []string) (string, bool) {
	for _, m := range modules {
		if within(importPath, m) {
			return m, true
		}
	}
	return "", false
}

// TestLinksLead: a link of a page to a file leads to one that is there.
func TestLinksLead(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md", "web/client/README.md") {
		for _, target := range submatches(t, page, `\]\(([^)#]+)`) {
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// submatches returns the first group of every match in a file.
func submatches(t *testing.T, name, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	return found
}

// TestPromisesHaveTests: the README makes ten promises, and each names tests that
// are there.
func TestPromisesHaveTests(t *testing.T) {
	promises := submatches(t, "README.md", `(?m)^\| \d+\. (.*)$`)
	if len(promises) != 10 {
		t.Fatalf("the README makes %d promises, not ten", len(promises))
	}
	there := testNames(t)
	for _, f := range chaos.Faults() {
		there["TestGateChaos/"+f.Name] = true
	}
	for _, promise := range promises {
		named := regexp.MustCompile("`(Test[A-Za-z/]+|/[a-z]+)`").FindAllStringSubmatch(promise, -1)
		if len(named) == 0 {
			t.Errorf("no test shows: %s", promise)
		}
		for _, n := range named {
			name := n[1]
			if name[0] == '/' {
				name = "TestGateChaos" + name
			}
			if !there[name] {
				t.Errorf("there is no %s, which shows: %s", name, promise)
			}
		}
	}
}

// testNames lists the test functions of the tree, whatever their build tags.
func testNames(t *testing.T) map[string]bool {
	names := make(map[string]bool)
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestArchitectureNamesFunctions: each way in docs/architecture.md names functions that are in
// those files, at most 22 of them, and numbers them.
func TestArchitectureNamesFunctions(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| (\\d+) \\| \\**`(?:(\\w+)\\.)?(\\w+)`\\** \\| (\\S+) \\|")
	ways := 0
	for _, section := range strings.Split(string(page), "\n## ") {
		way := rows.FindAllStringSubmatch(section, -1)
		if len(way) == 0 {
			continue
		}
		ways++
		if len(way) < 10 || len(way) > 22 {
			t.Errorf("a way has %d steps", len(way))
		}
		checkWay(t, way)
	}
	if ways != 2 {
		t.Errorf("the page has %d ways", ways)
	}
}

// checkWay checks the rows of a way: number, receiver, function, file.
func checkWay(t *testing.T, rows [][]string) {
	t.Helper()
	for n, row := range rows {
		if row[1] != strconv.Itoa(n+1) {
			t.Errorf("step %d has the number %s", n+1, row[1])
		}
		row = row[1:]
		source, err := os.ReadFile(row[3])
		if err != nil {
			t.Error(err)
			continue
		}
		function := regexp.MustCompile(`(?m)^func \(\w+ \*?` + row[1] + `(\[.*\])?\) ` + row[2] + `\(`)
		if row[1] == "" {
			function = regexp.MustCompile(`(?m)^func ` + row[2] + `\(`)
		}
		if !function.Match(source) {
			t.Errorf("%s has no %s.%s", row[3], row[1], row[2])
		}
	}
}
