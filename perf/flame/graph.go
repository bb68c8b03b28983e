package flame

import (
	"bytes"
	"cmp"
	_ "embed" // for the parts of a page
	"html/template"
	"slices"
	"strings"
)

// The parts of a page.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// Graph is a page with a flame graph.
type Graph struct {
	// Title and Lines are shown above the graph.
	Title string
	Lines []string
	// Name of Profile, e.g. that of the server.
	Name    string
	Profile *Profile
	// Base makes the graph differential: colours show where Profile's share of its total
	// is above or below Base's. nil: colours show classes.
	Base     *Profile
	BaseName string
}

// page is the data of page.html.
type page struct {
	Graph
	Style  template.CSS
	Script template.JS
	Legend []legendEntry
	Data   pageData
}

type legendEntry struct {
	Index   int // of the class
	Class   Class
	Meaning string
	Percent float64
}

// pageData is what page.js draws.
type pageData struct {
	Unit     string  `json:"unit"`
	Name     string  `json:"name"`
	BaseName string  `json:"baseName"` // "" in a plain graph
	Total    float64 `json:"total"`
	// Scale converts scaled values of the base back to its own.
	Scale   float64     `json:"scale"`
	Classes []Class     `json:"classes"`
	Names   []string    `json:"names"`
	Own     []int       `json:"own"` // class of each name; -1: the class of its caller
	Stacks  []pageStack `json:"stacks"`
}

type pageStack struct {
	Frames []int   `json:"f"` // indexes of names, root first
	Value  float64 `json:"v"`
	Base   float64 `json:"b"`
}

// AppendHTML appends the page, one self-contained file.
func (g Graph) AppendHTML(dst []byte) ([]byte, error) {
	text := bytes.NewBuffer(dst)
	err := pageTemplate.Execute(text, page{Graph: g, Style: template.CSS(pageCSS), Script: template.JS(pageJS), Legend: g.legend(), Data: g.data()})
	return text.Bytes(), err
}

// legend returns the classes in a plain graph, the largest first.
func (g Graph) legend() (entries []legendEntry) {
	if g.Base != nil {
		return nil
	}
	for i, s := range g.Profile.Shares() {
		if s.Value > 0 {
			entries = append(entries, legendEntry{Index: i, Class: s.Class, Meaning: s.Class.Meaning(), Percent: 100 * s.Share})
		}
	}
	slices.SortStableFunc(entries, func(a, b legendEntry) int { return cmp.Compare(b.Percent, a.Percent) })
	return entries
}

func (g Graph) data() pageData {
	d := pageData{Unit: g.Profile.Unit, Name: g.Name, Scale: 1, Classes: Classes()}
	names := make(map[string]int)
	for _, s := range g.stacks() {
		frames := make([]int, len(s.frames))
		for i, name := range s.frames {
			at, ok := names[name]
			if !ok {
				at = len(d.Names)
				names[name] = at
				d.Names = append(d.Names, name)
			}
			frames[i] = at
		}
		d.Stacks = append(d.Stacks, pageStack{Frames: frames, Value: s.value, Base: s.base})
		d.Total += s.value
	}
	c := NewClassifier()
	for _, name := range d.Names {
		class, _ := c.Function(name)
		d.Own = append(d.Own, slices.Index(d.Classes, class))
	}
	if g.Base != nil {
		d.BaseName, d.Scale = g.BaseName, 1/scaleTo(g.Base, g.Profile)
	}
	return d
}

// pairedStack is a stack with its value in both profiles, scaled to equal totals.
type pairedStack struct {
	frames      []string
	value, base float64
}

// stacks pairs the stacks of Profile and Base. Values below 0, which the difference of
// two readings may have, are left out.
func (g Graph) stacks() []pairedStack {
	all := make(map[string]*pairedStack)
	add := func(p *Profile, to func(s *pairedStack) *float64, factor float64) {
		for _, s := range p.Stacks {
			key := strings.Join(s.Frames, "\x00")
			if all[key] == nil {
				all[key] = &pairedStack{frames: s.Frames}
			}
			*to(all[key]) += max(0, float64(s.Value)) * factor
		}
	}
	add(g.Profile, func(s *pairedStack) *float64 { return &s.value }, 1)
	if g.Base != nil {
		add(g.Base, func(s *pairedStack) *float64 { return &s.base }, scaleTo(g.Base, g.Profile))
	}
	var sorted []pairedStack
	for _, s := range all {
		sorted = append(sorted, *s)
	}
	slices.SortFunc(sorted, func(a, b pairedStack) int { return slices.Compare(a.frames, b.frames) })
	return sorted
}

// scaleTo returns the factor that scales p's total to q's; 1 if either is empty.
func scaleTo(p, q *Profile) float64 {
	if p.Total <= 0 || q.Total <= 0 {
		return 1
	}
	return float64(q.Total) / float64(p.Total)
}
