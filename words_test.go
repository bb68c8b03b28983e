package holdfast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// vocabulary is one word for one thing: a word that once had several meanings, the only
// one that it has now, and the folders where names with it may be declared.
var vocabulary = []struct {
	word    string
	meaning string
	folders []string
}{
	{"turn", "one visit to an account under its lock (desk.Turn); an event loop has iterations, a publisher rounds", []string{"biz/desk", "biz/gateway", "biz/simulation", "biz/script", "biz/server", "perf/txlog"}},
	{"fill", "an order's execution as an event or a row; a buffer is set, appended to or read into", []string{"biz/ledger", "biz/history", "biz/desk", "biz/scenario", "biz/client", "biz/script", "cmd/holdfast"}},
	{"commit", "making records durable together, in the journal or in SQL; a version of the source is a revision", []string{"biz/journal", "biz/history", "biz/desk", "biz/ledger", "biz/server", "cmd/holdfast/inspect", "perf/txlog"}},
	{"direct", "nothing: a carrier that answers in the goroutine that reads is inline", nil},
	{"settle", "nothing: say what is counted, waited for or finished", nil},
	{"begin", "starting a transaction or the open commit (its end is Commit, Rollback or End); FIX has a BeginString; everything else has a start and an end", []string{"biz/history", "biz/journal", "biz/desk", "codec/fix"}},
	{"began", "nothing: started", nil},
	{"begun", "nothing: started", nil},
	{"room", "a chat room; a queue has space, a limit is not reached", []string{"biz/chat", "biz/client", "cmd/holdfast/terminal"}},
	{"seldom", "nothing: a log has a LogLimiter", nil},
	{"note", "nothing: record, count or store something", nil},
	{"noted", "nothing: recorded, counted, stored", nil},
	{"keeps", "nothing: say what is stored where", nil},
	{"dealt", "nothing: handled, executed", nil},
	{"tell", "nothing: send, log or report something", nil},
	{"tells", "nothing: sends, reports", nil},
	{"told", "nothing: sent, reported", nil},
	{"even", "nothing: say when or how much", nil},
	{"known", "nothing: stored, seen, registered, found", nil},
	{"unasked", "nothing: unexpected", nil},
}

// stumbles are phrases of comments and pages that a reader stumbles over.
var stumbles = []struct{ phrase, instead string }{
	{`\bis none\b|\bare none\b`, "there is no ..., has no ..."},
	{`\bof (its|his|their) own\b`, "its own ..., separate"},
	{`\bso many\b`, "that many, how many"},
	{`\bgives?\b`, "returns, shows, assigns"},
	{`\bfor want of\b`, "for lack of, without"},
	{`\bunasked\b`, "unexpectedly"},
	{`\bdealt\b`, "handled"},
	{`\bwhat is more\b`, "the rest"},
	{`\bbegun\b`, "started"},
	{`\bstands?\b`, "is, are, means"},
	{`\bbehind (the|a|an|its|it|that|this|all|what|those|others)\b`, "after"},
}

// TestVocabulary: names are declared with a word of the vocabulary only where it has its
// one meaning.
func TestVocabulary(t *testing.T) {
	for file, parsed := range parseTree(t) {
		for _, id := range declaredNames(parsed.syntax) {
			for _, word := range wordsOf(id.Name) {
				for _, v := range vocabulary {
					if word != v.word || slices.ContainsFunc(v.folders, func(f string) bool { return within(path.Dir(file), f) }) {
						continue
					}
					t.Errorf("%v: %s: %q here means %s", parsed.files.Position(id.Pos()), id.Name, word, v.meaning)
				}
			}
		}
	}
}

// TestNamesDifferByMoreThanCase: no two names of a package, and no two methods of a type,
// differ by case alone. A field may have a getter.
func TestNamesDifferByMoreThanCase(t *testing.T) {
	seen := make(map[string]string) // by folder, type and lower-case name
	for file, parsed := range parseTree(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for owner, names := range scopes(parsed.syntax) {
			for _, name := range names {
				key := path.Dir(file) + " " + owner + " " + strings.ToLower(name)
				if other, ok := seen[key]; ok && other != name {
					t.Errorf("%s: %s and %s%s", file, other, owner, name)
				}
				seen[key] = name
			}
		}
	}
}

// TestPlainEnglish: comments and pages do without the phrases that readers stumble over.
func TestPlainEnglish(t *testing.T) {
	check := func(at, text string) {
		for _, s := range stumbles {
			if found := regexp.MustCompile(s.phrase).FindString(text); found != "" {
				t.Errorf("%s: %q: say %s", at, found, s.instead)
			}
		}
	}
	for _, parsed := range parseTree(t) {
		for _, group := range parsed.syntax.Comments {
			check(parsed.files.Position(group.Pos()).String(), group.Text())
		}
	}
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/commands.md", "docs/engine.md", "docs/protocol.md", "docs/storage.md", "docs/trading.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		check(page, string(text))
	}
}

// parsedFile is a Go file of the tree.
type parsedFile struct {
	files  *token.FileSet
	syntax *ast.File
}

// parseTree parses the Go files of the tree that are not generated, by path.
func parseTree(t *testing.T) map[string]parsedFile {
	t.Helper()
	list, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("skip: needs git and a clone: git clone")
	}
	tree := make(map[string]parsedFile)
	for _, file := range strings.Fields(string(list)) {
		if strings.HasSuffix(file, ".pb.go") || file == "words_test.go" {
			continue
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if os.IsNotExist(err) {
			continue // removed and not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		tree[file] = parsedFile{files, syntax}
	}
	if len(tree) < 100 {
		t.Fatalf("found %d Go files", len(tree))
	}
	return tree
}

// declaredNames returns the names that a file declares: types, functions, methods,
// constants, variables, fields and parameters.
func declaredNames(file *ast.File) (names []*ast.Ident) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name)
		case *ast.ValueSpec:
			names = append(names, n.Names...)
		case *ast.Field:
			names = append(names, n.Names...)
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				break
			}
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok {
					names = append(names, id)
				}
			}
		}
		return true
	})
	return names
}

// scopes returns the names that a file declares in each scope: "" for the package, "T."
// for the methods of type T.
func scopes(file *ast.File) map[string][]string {
	names := make(map[string][]string)
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			owner := ""
			if d.Recv != nil {
				owner = receiver(d.Recv.List[0].Type) + "."
			}
			names[owner] = append(names[owner], d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names[""] = append(names[""], s.Name.Name)
				case *ast.ValueSpec:
					for _, id := range s.Names {
						names[""] = append(names[""], id.Name)
					}
				}
			}
		}
	}
	return names
}

// receiver returns the name of a receiver's type.
func receiver(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	default:
		return ""
	}
}

// wordsOf splits a name into its words, in lower case.
func wordsOf(name string) (words []string) {
	start := 0
	for i, r := range name {
		if i > start && (unicode.IsUpper(r) || r == '_') {
			words = append(words, strings.ToLower(strings.Trim(name[start:i], "_")))
			start = i
		}
	}
	return append(words, strings.ToLower(strings.Trim(name[start:], "_")))
}
