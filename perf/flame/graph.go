package flame

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"slices"
	"strings"
)

//go:embed page.html page.css page.js
var pageFiles embed.FS

// Graph is a page with a flame graph.
type Graph struct {
	// Title and Lines stand above the graph.
	Title string
	Lines []string
	// Name of Profile, e.g. the server's.
	Name    string
	Profile *Profile
	// Base makes the graph differential: colours say where Profile's share of its
	// total is above or below Base's. nil: colours are classes.
	Base     *Profile
	BaseName string
}

// page is what page.html is filled with.
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
	// Scale turns values of the base, of which totals were made equal, back.
	Scale   float64     `json:"scale"`
	Classes []Class     `json:"classes"`
	Names   []string    `json:"names"`
	Own     []int       `json:"own"` // class of each name, -1: that of its caller
	Stacks  []pageStack `json:"stacks"`
}

type pageStack struct {
	Frames []int   `json:"f"` // indexes of names, root first
	Value  float64 `json:"v"`
	Base   float64 `json:"b"`
}

// AppendHTML appends the page, one self-contained file.
func (g Graph) AppendHTML(dst []byte) ([]byte, error) {
	t, err := template.ParseFS(pageFiles, "page.html")
	if err != nil {
		return dst, err
	}
	style, err := pageFiles.ReadFile("page.css")
	if err != nil {
		return dst, err
	}
	script, err := pageFiles.ReadFile("page.js")
	if err != nil {
		return dst, err
	}
	text := bytes.NewBuffer(dst)
	err = t.Execute(text, page{
		Graph: g, Style: template.CSS(style), Script: template.JS(script), Legend: g.legend(), Data: g.data(),
	})
	return text.Bytes(), err
}

// legend lists the classes that a plain graph has, the largest first.
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

// pairedStack has its value in both profiles, totals made equal.
type pairedStack struct {
	frames      []string
	value, base float64
}

// stacks pairs the stacks of Profile and Base. Values below 0, which a
// difference of two readings may have, are left out.
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

// scaleTo is what a value of p is to be multiplied with for p's total to become
// that of q; 1 where either is empty.
func scaleTo(p, q *Profile) float64 {
	if p.Total <= 0 || q.Total <= 0 {
		return 1
	}
	return float64(q.Total) / float64(p.Total)
}
