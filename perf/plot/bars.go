package plot

import (
	"fmt"
	"math"

	"holdfast/perf/table"
)

// Bars is a chart of named horizontal bars, in one or more panels that share the axis.
type Bars struct {
	Title   string
	Caption string // what the chart shows; wrapped
	Axis    Axis
	// Value is the format of the values beside the bars; nil: Axis.Format.
	Value table.Format
	// Log makes the axis logarithmic.
	Log bool
	// Base is the value where bars start, e.g. 1 for ratios on a logarithmic axis, where
	// bars then grow to both sides. 0: the start of the axis.
	Base float64
	// Classes are the names of the colours in the legend; "": colour not in use.
	Classes []string
	Panels  []BarPanel
}

// BarPanel is one of the small charts.
type BarPanel struct {
	Title string
	Bars  []Bar
}

// Bar is a value with its range; Low and High are both 0 if there is no range. A value
// that can't be drawn is shown as a dash.
type Bar struct {
	Name             string
	Class            int // which colour
	Value, Low, High float64
}

// Sizes of a panel of bars.
const (
	barRow    = 19.0
	barHeight = 12.0
	barLabels = 70.0 // right of the axis, for the values
)

// AppendSVG appends the chart as an SVG document.
func (b Bars) AppendSVG(dst []byte) []byte {
	c := newCanvas(b.Title, b.Caption)
	c.legend(b.legend(c))
	s, names := b.scale(), b.nameWidth()
	c.panels(len(b.Panels), func(i int, left, right float64) float64 {
		s.from, s.to = left+names, right-barLabels
		return b.panel(c, b.Panels[i], s)
	})
	return c.appendTo(dst)
}

// scale returns the scale for the values of all panels.
func (b Bars) scale() scale {
	var values []float64
	for _, p := range b.Panels {
		for _, bar := range p.Bars {
			values = append(values, bar.Value, bar.Low, bar.High)
		}
	}
	if b.Base > 0 {
		values = append(values, b.Base)
	}
	return newScale(values, b.Log)
}

func (b Bars) nameWidth() float64 {
	longest := 0
	for _, p := range b.Panels {
		for _, bar := range p.Bars {
			longest = max(longest, len(bar.Name))
		}
	}
	return math.Min(float64(longest)*letterWidth+10, 200)
}

func (b Bars) legend(c *canvas) []legendEntry {
	var entries []legendEntry
	for class, name := range b.Classes {
		if name == "" {
			continue
		}
		entries = append(entries, legendEntry{name, func(x, y float64) {
			c.rect(solid(class), x, y-barHeight/2, legendMark, barHeight)
		}})
	}
	return entries
}

func solid(class int) string { return fmt.Sprintf("f%d", colour(class)) }

// panel draws one small chart at c.y and returns its height.
func (b Bars) panel(c *canvas, p BarPanel, s scale) (height float64) {
	top := c.y + panelTop
	bottom := top + float64(len(p.Bars))*barRow
	c.text("panel", start, s.from, top-8, p.Title)
	for _, tick := range s.ticks() {
		c.line("grid", s.at(tick), top, s.at(tick), bottom)
		c.text("soft", middle, s.at(tick), bottom+14, b.Axis.tick(tick))
	}
	for i, bar := range p.Bars {
		b.bar(c, bar, s, top+float64(i)*barRow+(barRow-barHeight)/2)
	}
	base := s.at(b.Base)
	c.line("axis", base, top, base, bottom)
	c.text("soft", middle, (s.from+s.to)/2, bottom+30, b.Axis.Label)
	return bottom + axisBelow - c.y
}

// bar draws one row: name, bar, range, value.
func (b Bars) bar(c *canvas, bar Bar, s scale, y float64) {
	line := y + barHeight - 2 // y of the text
	c.text("", end, s.from-6, line, bar.Name)
	if !s.shows(bar.Value) || bar.Value == 0 {
		c.text("soft", start, s.from+4, line, "-")
		return
	}
	base, tip := s.at(b.Base), s.at(bar.Value)
	c.rect(solid(bar.Class), math.Min(base, tip), y, math.Abs(tip-base), barHeight)
	right := math.Max(base, tip)
	if s.shows(bar.Low) && s.shows(bar.High) && bar.Low < bar.High {
		low, high, mid := s.at(bar.Low), s.at(bar.High), y+barHeight/2
		c.path("range", false, [2]float64{low, mid}, [2]float64{high, mid})
		c.line("range", low, mid-3, low, mid+3)
		c.line("range", high, mid-3, high, mid+3)
		right = math.Max(right, high)
	}
	format := b.Axis.tick
	if b.Value != nil {
		format = b.Value
	}
	c.text("", start, right+5, line, format(bar.Value))
}
