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
	// letterWidth is what a letter takes at textSize, on average, generously.
	letterWidth = 6.6
)

// style has Okabe and Ito's colours, which colour-blind readers can tell apart,
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

// captionLetters fit on a line of the caption.
const captionLetters = 140

// classes is the number of colours in style.
const classes = 6

// canvas gathers the elements of a chart. Its height is known at the end.
type canvas struct {
	body bytes.Buffer
	y    float64 // where the next part begins
}

// newCanvas writes title and caption at the top.
func newCanvas(title, caption string) *canvas {
	c := &canvas{y: margin + titleSize}
	c.text("title", start, margin, c.y, title)
	c.y += lineHeight * 0.4
	for _, line := range wrap(caption, captionLetters) {
		c.y += lineHeight
		c.text("soft", start, margin, c.y, line)
	}
	c.y += lineHeight
	return c
}

// appendTo appends the whole document: what screen readers say is title and caption.
func (c *canvas) appendTo(dst []byte, title, caption string) []byte {
	height := c.y + margin
	dst = fmt.Appendf(dst, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" role="img">`+"\n",
		number(width), number(height), number(width))
	dst = fmt.Appendf(dst, "<title>%s</title>\n<desc>%s</desc>\n", escape(title), escape(caption))
	dst = append(dst, style...)
	dst = fmt.Appendf(dst, `<rect class="page" width="%s" height="%s"/>`+"\n", number(width), number(height))
	dst = append(dst, c.body.Bytes()...)
	return append(dst, "</svg>\n"...)
}

// Places of a text relative to its point.
const (
	start  = "start"
	middle = "middle"
	end    = "end"
)

func (c *canvas) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&c.body, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`+"\n",
		class, anchor, number(x), number(y), escape(text))
}

// upright writes text that is read from below.
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

// path joins points, given as x, y pairs, and closes the shape or leaves it open.
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

// escape makes text safe inside an element or an attribute; what XML can't hold
// becomes U+FFFD.
func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}

// wrap breaks text into lines of at most so many letters, at its spaces.
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

// legendEntry is one name with the mark that stands for it.
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
