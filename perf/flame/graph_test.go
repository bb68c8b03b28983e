package flame_test

import (
	"bytes"
	"encoding/json"
	"html/template"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/perf/flame"
)

// hostile is a function name that would break out of a script or an attribute.
const hostile = "evil.(*T[go.shape.struct { a/b \"x\" }]).f</script><script>alert('&amp')//<!--`${1}`\u2028"

func html(t *testing.T, g flame.Graph) string {
	t.Helper()
	text, err := g.AppendHTML([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("before<!DOCTYPE html>")) {
		t.Fatalf("it does not append: %.40q", text)
	}
	return strings.TrimPrefix(string(text), "before")
}

// pageData is the data for the script of a page.
type pageData struct {
	Total    float64
	Scale    float64
	BaseName string
	Names    []string
	Own      []int
	Stacks   []struct {
		F    []int
		V, B float64
	}
}

func dataOf(t *testing.T, page string) (d pageData) {
	t.Helper()
	_, rest, _ := strings.Cut(page, "const data = ")
	text, _, _ := strings.Cut(rest, ";\n")
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return d
}

// values returns the two values of a stack.
func (d pageData) values(t *testing.T, stack string) (v, b float64) {
	t.Helper()
	for _, s := range d.Stacks {
		var names []string
		for _, f := range s.F {
			names = append(names, d.Names[f])
		}
		if strings.Join(names, ";") == stack {
			return s.V, s.B
		}
	}
	t.Fatalf("no stack %q", stack)
	return 0, 0
}

func TestPageStandsAlone(t *testing.T) {
	p := samples(t, map[string]int64{"main.main;" + hostile: 1, "a;net.(*conn).Read": 2})
	for name, g := range map[string]flame.Graph{
		"plain": {Title: hostile, Lines: []string{hostile}, Name: hostile, Profile: p},
		"diff":  {Title: hostile, Name: hostile, Profile: p, Base: p, BaseName: hostile},
	} {
		t.Run(name, func(t *testing.T) {
			page := html(t, g)
			for _, bad := range []string{`https?://`, `<link`, `\bsrc=`, `@import`, `url\(`, `\bfetch\(`, `<script>alert`} {
				if found := regexp.MustCompile(bad).FindString(page); found != "" {
					t.Errorf("it has %q", found)
				}
			}
			if n := strings.Count(strings.ToLower(page), "</script"); n != 1 {
				t.Errorf("%d ends of scripts", n)
			}
			if _, script, _ := strings.Cut(page, "<script>"); strings.Contains(script, "\u2028") {
				t.Error("a line separator is in the script")
			}
			for _, name := range []string{"main.main", hostile, "a", "net.(*conn).Read"} {
				if names := dataOf(t, page).Names; !strings.Contains(strings.Join(names, "\n"), name) {
					t.Errorf("%q is not among %q", name, names)
				}
			}
		})
	}
}

func TestPlainPage(t *testing.T) {
	page := html(t, flame.Graph{Title: "t", Profile: samples(t, map[string]int64{"a;net.(*conn).Read;b": 1, "a;net.(*conn).Write": 3, "a": 0})})
	d := dataOf(t, page)
	if v, b := d.values(t, "a;net.(*conn).Read;b"); v != 1 || b != 0 || d.Total != 4 || d.BaseName != "" {
		t.Errorf("got %+v", d)
	}
	if d.Own[0] != -1 { // a: its class depends on who called it
		t.Errorf("classes %v of %q", d.Own, d.Names)
	}
	for _, want := range []string{"read 25.0 %", "write 75.0 %", "prefers-color-scheme: dark"} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Index(page, "write 75.0 %") > strings.Index(page, "read 25.0 %") {
		t.Error("the largest class is not the first")
	}
}

// Totals are scaled to be equal: a server that only has more samples shows no change.
func TestDifferencesAreOfShares(t *testing.T) {
	p := samples(t, map[string]int64{"a;x": 30, "a;y": 70, "new": 100})
	base := samples(t, map[string]int64{"a;x": 15, "a;y": 5, "gone": 80})
	d := dataOf(t, html(t, flame.Graph{Profile: p, Base: base, Name: "after", BaseName: "before"}))
	for stack, want := range map[string][2]float64{"a;x": {30, 30}, "a;y": {70, 10}, "new": {100, 0}, "gone": {0, 160}} {
		if v, b := d.values(t, stack); v != want[0] || math.Abs(b-want[1]) > 1e-9 {
			t.Errorf("%s: got %g and %g, want %v", stack, v, b, want)
		}
	}
	if d.Total != 200 || d.Scale != 0.5 || d.BaseName != "before" {
		t.Errorf("got %+v", d)
	}
	empty := dataOf(t, html(t, flame.Graph{Profile: samples(t, nil), Base: base}))
	if _, b := empty.values(t, "gone"); b != 80 || empty.Total != 0 {
		t.Errorf("beside an empty profile: %+v", empty)
	}
}

// TestInBrowser runs the page's script: does it draw, search, zoom and invert? Each case has
// its own frame in one page, as a start of the browser takes seconds.
func TestInBrowser(t *testing.T) {
	needs(t, "chromium", "chromium")
	const say = `const say = (what) => parent.document.getElementById(window.name).append(what + "; ");
		const box = (text) => [...document.querySelectorAll(".f")].find(b => b.textContent === text);
		const find = (text) => { const s = document.getElementById("search"); s.value = text; s.dispatchEvent(new Event("input")); };
		const matched = () => document.getElementById("matched").textContent;
		const count = () => document.querySelectorAll(".f").length;`
	p := samples(t, map[string]int64{"a;" + hostile + ";x": 30, "a;github.com/some/mod/v2.f;x": 20, "net.(*conn).Read": 50})
	q := samples(t, map[string]int64{"a;gone": 120, "net.(*conn).Read": 80})
	plain, diff := flame.Graph{Title: "t", Profile: p}, flame.Graph{Title: "t", Name: "p", Profile: p, Base: q, BaseName: "q"}
	tests := map[string]struct {
		graph        flame.Graph
		script, want string
	}{
		"draws all":     {plain, `say(count() + " boxes")`, "7 boxes"},
		"short names":   {plain, `say(box("mod/v2.f").title)`, "github.com/some/mod/v2.f: 20 samples, 20.0 % (itself 0.0 %), other"},
		"searches":      {plain, `find("^X$|conn..read"); say(matched()); say(document.querySelectorAll(".hit").length)`, "matched 100.0 %; 3;"},
		"callee inside": {plain, `find("evil|x"); say(matched())`, "matched 50.0 %"},
		"bad pattern":   {plain, `find("("); say(matched()); say(count() + " boxes")`, "not a regular expression; 7 boxes"},
		"zooms":         {plain, `find("mod"); box("a").click(); say(count() + " boxes " + matched())`, "6 boxes matched 40.0 %"},
		"goes back":     {plain, `box("a").click(); find("mod"); document.getElementById("reset").click(); say(count() + " boxes" + matched())`, "7 boxes;"},
		"turns round":   {plain, `document.getElementById("turn").click(); say(box("x").title)`, "x: 50 samples, 50.0 % (itself 0.0 %), other"},
		"difference":    {diff, `say(box("net.(*conn).Read").title)`, "net.(*conn).Read: p 50 samples, 50.0 % (itself 50.0 %), q 80 samples, 40.0 % (itself 40.0 %): +10.0 points"},
		"classes first": {diff, `say([...document.querySelectorAll(".f")].map(b => b.textContent).join("|"))`, "|[read] +10.0|net.(*conn).Read;"},
		"what is gone":  {diff, `say(!!box("gone")); document.getElementById("side").click(); say(box("gone").style.background.includes("--less"))`, "false; true;"},
	}
	page := "<!DOCTYPE html>"
	for name, tc := range tests {
		inner := html(t, tc.graph) + "<script>" + say + tc.script + "</script>"
		page += `<pre id="` + name + `"></pre><iframe name="` + name + `" width="1000" height="800" srcdoc="` + template.HTMLEscapeString(inner) + `"></iframe>`
	}
	dom := browse(t, page)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, got, _ := strings.Cut(dom, `<pre id="`+name+`">`)
			if got, _, _ = strings.Cut(got, "</pre>"); !strings.Contains(got, tc.want) {
				t.Errorf("no %q in %q", tc.want, got)
			}
		})
	}
}

// browse opens a page and returns its final HTML.
func browse(t *testing.T, page string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,800",
		"--user-data-dir="+filepath.Join(dir, "user"), "--dump-dom", "file://"+file)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func needs(t *testing.T, program, packages string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("HOLDFAST_CI") != "" {
		t.Fatalf("needs %s: apt-get install %s", program, packages)
	}
	t.Skipf("skip: needs %s: apt-get install %s", program, packages)
}
