package plot

import (
	"fmt"

	"holdfast/perf/table"
)

// Lines is a chart of lines on two logarithmic axes, in one or more panels that share the
// axes.
type Lines struct {
	Title   string
	Caption string // what the chart shows; wrapped
	X, Y    Axis
	Panels  []LinePanel
}

// Axis is one side of a chart.
type Axis struct {
	Label  string       // includes the unit
	Format table.Format // of the values at the ticks; nil: Count
}

// LinePanel is one of the small charts.
type LinePanel struct {
	Title  string
	Series []Series
}

// Series is one line. Series with the same name in several panels share an entry in the
// legend.
type Series struct {
	Name   string
	Class  int  // colour and marker
	Dashed bool // markers are hollow too
	Points []Point
}

// Point is a value with its range; Low and High are both 0 if there is no range.
type Point struct {
	X, Y, Low, High float64
}

// Sizes of a panel of lines.
const (
	lineHeightPanel = 250.0
	axisLeft        = 70.0
	axisBelow       = 44.0
	panelGap        = 28.0
	panelTop        = 24.0
)

// AppendSVG appends the chart as an SVG document.
func (l Lines) AppendSVG(dst []byte) []byte {
	c := newCanvas(l.Title, l.Caption)
	c.legend(l.legend(c))
	x, y := l.scales()
	c.panels(len(l.Panels), func(i int, left, right float64) float64 {
		x.from, x.to = left+axisLeft, right-20
		y.from, y.to = c.y+lineHeightPanel-axisBelow, c.y+panelTop
		l.panel(c, l.Panels[i], x, y)
		return lineHeightPanel + 6
	})
	return c.appendTo(dst)
}

// scales returns the scales for the values of all panels.
func (l Lines) scales() (x, y scale) {
	var xs, ys []float64
	for _, p := range l.Panels {
		for _, s := range p.Series {
			for _, point := range s.Points {
				xs = append(xs, point.X)
				ys = append(ys, point.Y, point.Low, point.High)
			}
		}
	}
	return newScale(xs, true), newScale(ys, true)
}

func (l Lines) legend(c *canvas) []legendEntry {
	var entries []legendEntry
	seen := make(map[string]bool)
	for _, p := range l.Panels {
		for _, s := range p.Series {
			if seen[s.Name] {
				continue
			}
			seen[s.Name] = true
			entries = append(entries, legendEntry{s.Name, func(x, y float64) {
				c.path(s.stroke(), false, [2]float64{x, y}, [2]float64{x + legendMark, y})
				c.marker(s, x+legendMark/2, y)
			}})
		}
	}
	return entries
}

// panel draws grid, axes and lines.
func (l Lines) panel(c *canvas, p LinePanel, x, y scale) {
	c.text("panel", start, x.from, y.to-9, p.Title)
	for _, tick := range x.ticks() {
		c.line("grid", x.at(tick), y.from, x.at(tick), y.to)
		c.text("soft", middle, x.at(tick), y.from+15, l.X.tick(tick))
	}
	for _, tick := range y.ticks() {
		c.line("grid", x.from, y.at(tick), x.to, y.at(tick))
		c.text("soft", end, x.from-6, y.at(tick)+4, l.Y.tick(tick))
	}
	c.line("axis", x.from, y.from, x.to, y.from)
	c.line("axis", x.from, y.from, x.from, y.to)
	c.text("soft", middle, (x.from+x.to)/2, y.from+32, l.X.Label)
	c.upright(x.from-axisLeft+12, (y.from+y.to)/2, l.Y.Label)
	for _, s := range p.Series {
		c.series(s, x, y)
	}
}

func (a Axis) tick(v float64) string {
	if a.Format == nil {
		return table.Count(v)
	}
	return a.Format(v)
}

func (s Series) stroke() string {
	class := fmt.Sprintf("line s%d", colour(s.Class))
	if s.Dashed {
		class += " dash"
	}
	return class
}

func colour(class int) int { return (class%classes + classes) % classes }

func (c *canvas) series(s Series, x, y scale) {
	var line [][2]float64
	for _, p := range s.Points {
		if !x.shows(p.X) || !y.shows(p.Y) {
			continue
		}
		at := [2]float64{x.at(p.X), y.at(p.Y)}
		line = append(line, at)
		if y.shows(p.Low) && y.shows(p.High) && p.Low < p.High {
			c.whisker(at[0], y.at(p.Low), y.at(p.High), s.Class)
		}
	}
	c.path(s.stroke(), false, line...)
	for _, at := range line {
		c.marker(s, at[0], at[1])
	}
}

// whisker draws a vertical range.
func (c *canvas) whisker(x, low, high float64, class int) {
	stroke := fmt.Sprintf("s%d", colour(class))
	c.line(stroke, x, low, x, high)
	c.line(stroke, x-3, low, x+3, low)
	c.line(stroke, x-3, high, x+3, high)
}

// markers are shapes around a point, one for each class.
func markers() [classes][][2]float64 {
	return [classes][][2]float64{
		{{-3.5, -3.5}, {3.5, -3.5}, {3.5, 3.5}, {-3.5, 3.5}},                               // square
		{{0, -4.5}, {4.5, 3.5}, {-4.5, 3.5}},                                               // triangle
		{{0, -5}, {5, 0}, {0, 5}, {-5, 0}},                                                 // diamond
		{{0, 4.5}, {4.5, -3.5}, {-4.5, -3.5}},                                              // inverted triangle
		{{-5, -2}, {5, -2}, {5, 2}, {-5, 2}},                                               // bar
		{{-2, -5}, {2, -5}, {5, -2}, {5, 2}, {2, 5}, {-2, 5}, {-5, 2}, {-5, -2}, {-2, -5}}, // octagon
	}
}

func (c *canvas) marker(s Series, x, y float64) {
	shape := markers()[colour(s.Class)]
	points := make([][2]float64, len(shape))
	for i, p := range shape {
		points[i] = [2]float64{x + p[0], y + p[1]}
	}
	class := fmt.Sprintf("s%d f%d", colour(s.Class), colour(s.Class))
	if s.Dashed {
		class = fmt.Sprintf("s%d hollow", colour(s.Class))
	}
	c.path(class, true, points...)
}
