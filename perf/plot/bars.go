package plot

import (
	"fmt"
	"math"
)

// Bars is a chart of horizontal bars, each beside its name, in one panel or
// several that share the axis.
type Bars struct {
	Title   string
	Caption string // what to see; wrapped
	Axis    Axis
	// Value is the format of the values beside the bars; nil: the axis'.
	Value Format
	// Log makes the axis logarithmic.
	Log bool
	// Base is where bars begin, e.g. 1 for ratios on a logarithmic axis: bars then
	// grow to both sides. 0: at the axis' beginning.
	Base float64
	// Classes are the names of the colours, for the legend; "" for one not in use.
	Classes []string
	Panels  []BarPanel
}

// BarPanel is one of the small charts.
type BarPanel struct {
	Title string
	Bars  []Bar
}

// Bar is a value with the range it was seen in; Low and High may both be 0 for
// none. A value that can't be drawn leaves its row with a dash.
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
	columns := min(2, max(1, len(b.Panels)))
	wide := (width - 2*margin - panelGap*float64(columns-1)) / float64(columns)
	s, names := b.scale(), b.nameWidth()
	for i := 0; i < len(b.Panels); i += columns {
		tallest := 0.0
		for j, panel := range b.Panels[i:min(i+columns, len(b.Panels))] {
			left := margin + float64(j)*(wide+panelGap)
			s.from, s.to = left+names, left+wide-barLabels
			tallest = math.Max(tallest, b.panel(c, panel, s))
		}
		c.y += tallest
	}
	return c.appendTo(dst, b.Title, b.Caption)
}

// scale covers what all panels show.
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
			c.rect(fill(class), x, y-barHeight/2, legendMark, barHeight)
		}})
	}
	return entries
}

func fill(class int) string { return fmt.Sprintf("f%d", colour(class)) }

// panel draws one small chart at the canvas' height and gives its own.
func (b Bars) panel(c *canvas, p BarPanel, s scale) (height float64) {
	top := c.y + panelTop
	bottom := top + float64(len(p.Bars))*barRow
	c.text("panel", start, s.from, top-8, p.Title)
	for _, tick := range s.ticks() {
		c.line("grid", s.at(tick), top, s.at(tick), bottom)
		c.text("soft", middle, s.at(tick), bottom+14, b.Axis.format(tick))
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
	line := y + barHeight - 2 // of the text
	c.text("", end, s.from-6, line, bar.Name)
	if !s.shows(bar.Value) || bar.Value == 0 {
		c.text("soft", start, s.from+4, line, "-")
		return
	}
	base, tip := s.at(b.Base), s.at(bar.Value)
	c.rect(fill(bar.Class), math.Min(base, tip), y, math.Abs(tip-base), barHeight)
	right := math.Max(base, tip)
	if s.shows(bar.Low) && s.shows(bar.High) && bar.Low < bar.High {
		low, high, mid := s.at(bar.Low), s.at(bar.High), y+barHeight/2
		c.path("range", false, [2]float64{low, mid}, [2]float64{high, mid})
		c.line("range", low, mid-3, low, mid+3)
		c.line("range", high, mid-3, high, mid+3)
		right = math.Max(right, high)
	}
	format := b.Axis.format
	if b.Value != nil {
		format = b.Value
	}
	c.text("", start, right+5, line, format(bar.Value))
}
