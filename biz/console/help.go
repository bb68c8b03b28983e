package console

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"holdfast/docs"
)

// help is a page of the documentation. Its HTML has no code and no styles, and comes from docs alone.
type help struct {
	Title string `json:"title"`
	HTML  string `json:"html"`
}

// helpPages returns the pages by name, such as trading. All consoles share them.
var helpPages = sync.OnceValue(func() map[string]*help {
	pages := make(map[string]*help)
	names, _ := docs.Pages.ReadDir(".") // it is in memory: nothing fails
	for _, entry := range names {
		source, _ := docs.Pages.ReadFile(entry.Name())
		name := strings.TrimSuffix(entry.Name(), ".md")
		pages[name] = newHelp(name, source)
	}
	return pages
})

// newHelp makes HTML of a page. Raw HTML in it is left out.
func newHelp(name string, source []byte) *help {
	tables := extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)) // not a style
	markdown := goldmark.New(goldmark.WithExtensions(tables), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	tree := markdown.Parser().Parse(text.NewReader(source))
	h := &help{Title: name}
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if heading, ok := n.(*ast.Heading); ok && entering && heading.Level == 1 && h.Title == name {
			h.Title = string(heading.Lines().Value(source))
		}
		if link, ok := n.(*ast.Link); ok && entering {
			link.Destination = []byte(helpLink(name, string(link.Destination)))
		}
		return ast.WalkContinue, nil
	})
	var b bytes.Buffer
	_ = markdown.Renderer().Render(&b, source, tree) // a Buffer takes all
	h.HTML = b.String()
	return h
}

// helpLink returns where a link of a page leads to in the console: pages of the documentation are
// #help/NAME. Other files of the repository are not there: their links lead to the page itself.
func helpLink(page, to string) string {
	if strings.Contains(to, "://") {
		return to
	}
	file, _, _ := strings.Cut(to, "#")
	name := strings.TrimSuffix(file, ".md")
	if name == file || path.Dir(file) != "." {
		name = page
	}
	return "#help/" + name
}

// listHelp answers the names and titles of the pages, in the order of the names.
func (c *Console) listHelp(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	}
	var all []entry
	names, _ := docs.Pages.ReadDir(".")
	for _, e := range names {
		name := strings.TrimSuffix(e.Name(), ".md")
		all = append(all, entry{name, helpPages()[name].Title})
	}
	reply(w, http.StatusOK, all)
}
