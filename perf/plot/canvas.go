package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// Sizes in user units; a viewer scales them.
const (
	width      = 960.0
	margin     = 16.0
	titleSize  = 18.0
	textSize   = 12.0
	lineHeight = 17.0
	// letterWidth is the average width of a letter at textSize, rounded up.
	letterWidth = 6.6
)

// style has Okabe and Ito's colours, which colour-blind readers can distinguish,
// and lighter ones of the same hues for dark pages.
const style = `<style>
text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:18px;font-weight:600}.panel{font-weight:600}.soft{fill:#59636e}
.page{fill:#fff}.grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#59636e;stroke-width:1}
.range{stroke:#1f2328;stroke-width:1.2;fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.dash{stroke-dasharray:6 4}.hollow{fill:#fff}
.s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#009e73}.s3{stroke:#cc79a7}.s4{stroke:#b07d00}.s5{stroke:#5a5f66}
.f0{fill:#0072b2}.f1{fill:#d55e00}.f2{fill:#009e73}.f3{fill:#cc79a7}.f4{fill:#e69f00}.f5{fill:#8b949e}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.soft{fill:#9aa4af}.page,.hollow{fill:#0d1117}.grid{stroke:#2b323b}.axis{stroke:#9aa4af}
.range{stroke:#e6edf3}
.s0{stroke:#56b4e9}.s1{stroke:#ff8f4d}.s2{stroke:#35d0a0}.s3{stroke:#e8a3ca}.s4{stroke:#f0c14b}.s5{stroke:#b1bac4}
.f0{fill:#3a9ad9}.f1{fill:#f07b34}.f2{fill:#1fae84}.f3{fill:#d98bb8}.f4{fill:#d9a520}.f5{fill:#7d8590}}
</style>
`

// captionLetters is how many letters fit on a line of the caption.
const captionLetters = 140

// classes is the number of colours in style.
const classes = 6

// canvas collects the elements of a chart. Its height is known at the end.
type canvas struct {
	title, caption string
	body           bytes.Buffer
	y              float64 // where the next part starts
}

// newCanvas returns a canvas with title and caption at the top.
func newCanvas(title, caption string) *canvas {
	c := &canvas{title: title, caption: caption, y: margin + titleSize}
	c.text("title", start, margin, c.y, title)
	c.y += lineHeight * 0.4
	for _, line := range wrap(caption, captionLetters) {
		c.y += lineHeight
		c.text("soft", start, margin, c.y, line)
	}
	c.y += lineHeight
	return c
}

// panels draws n panels in rows of two. draw draws one at c.y between two x coordinates
// and returns its height.
func (c *canvas) panels(n int, draw func(i int, left, right float64) (height float64)) {
	columns := min(2, max(1, n))
	wide := (width - 2*margin - panelGap*float64(columns-1)) / float64(columns)
	tallest := 0.0
	for i := range n {
		left := margin + float64(i%columns)*(wide+panelGap)
		tallest = max(tallest, draw(i, left, left+wide))
		if i%columns == columns-1 || i == n-1 {
			c.y += tallest
			tallest = 0
		}
	}
}

// appendTo appends the complete document. Screen readers read title and caption.
func (c *canvas) appendTo(dst []byte) []byte {
	height := c.y + margin
	dst = fmt.Appendf(dst, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" role="img">`+"\n",
		number(width), number(height), number(width))
	dst = fmt.Appendf(dst, "<title>%s</title>\n<desc>%s</desc>\n", escape(c.title), escape(c.caption))
	dst = append(dst, style...)
	dst = fmt.Appendf(dst, `<rect class="page" width="%s" height="%s"/>`+"\n", number(width), number(height))
	dst = append(dst, c.body.Bytes()...)
	return append(dst, "</svg>\n"...)
}

// Alignments of a text relative to its point.
const (
	start  = "start"
	middle = "middle"
	end    = "end"
)

func (c *canvas) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&c.body, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`+"\n",
		class, anchor, number(x), number(y), escape(text))
}

// upright writes vertical text, read from bottom to top.
func (c *canvas) upright(x, y float64, text string) {
	fmt.Fprintf(&c.body, `<text class="soft" text-anchor="middle" transform="translate(%s %s) rotate(-90)">%s</text>`+"\n",
		number(x), number(y), escape(text))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&c.body, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n",
		class, number(x1), number(y1), number(x2), number(y2))
}

func (c *canvas) rect(class string, x, y, w, h float64) {
	fmt.Fprintf(&c.body, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`+"\n",
		class, number(x), number(y), number(w), number(h))
}

// path joins points (x, y pairs), and closes the shape if closed is set.
func (c *canvas) path(class string, closed bool, points ...[2]float64) {
	if len(points) == 0 {
		return
	}
	var d strings.Builder
	for i, p := range points {
		fmt.Fprintf(&d, "%c%s %s", "ML"[min(i, 1)], number(p[0]), number(p[1]))
	}
	if closed {
		d.WriteByte('Z')
	}
	fmt.Fprintf(&c.body, `<path class="%s" d="%s"/>`+"\n", class, d.String())
}

// number prints a coordinate.
func number(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// escape makes text safe inside an element or an attribute; invalid characters become
// U+FFFD.
func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer never fails
	return b.String()
}

// wrap breaks text at spaces into lines of at most letters letters.
func wrap(text string, letters int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > letters {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// legendEntry is a name with its mark.
type legendEntry struct {
	name string
	mark func(x, y float64) // draws at most legendMark wide, y is its middle
}

const legendMark = 30.0

// legend writes the entries in as many rows as they need.
func (c *canvas) legend(entries []legendEntry) {
	if len(entries) == 0 {
		return
	}
	x := margin
	for _, e := range entries {
		wide := legendMark + 6 + float64(len(e.name))*letterWidth + 14
		if x > margin && x+wide > width-margin {
			x, c.y = margin, c.y+lineHeight
		}
		e.mark(x, c.y)
		c.text("", start, x+legendMark+6, c.y+textSize*0.35, e.name)
		x += wide
	}
	c.y += lineHeight
}
