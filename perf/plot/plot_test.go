package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/perf/plot"
	"holdfast/perf/table"
)

// element is one element of a chart.
type element struct {
	name string
	attr map[string]string
	text string
}

func (e element) number(t *testing.T, attr string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(e.attr[attr], 64)
	if err != nil {
		t.Fatalf("%s of %v: %v", attr, e, err)
	}
	return v
}

// parse reads a chart and checks that it is XML and every number in it is finite.
func parse(t *testing.T, svg []byte) []element {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	var all []element
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attr: make(map[string]string)}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			all = append(all, e)
		case xml.CharData:
			if len(all) > 0 {
				all[len(all)-1].text += strings.TrimSpace(string(token))
			}
		}
	}
	for _, e := range all {
		for name, value := range e.attr {
			if strings.Contains(value, "NaN") || strings.Contains(value, "Inf") {
				t.Errorf("%s has %s=%q", e.name, name, value)
			}
		}
	}
	return all
}

// of returns the elements with a name whose class has all the words.
func of(all []element, name string, class ...string) []element {
	return slices.DeleteFunc(slices.Clone(all), func(e element) bool {
		words := strings.Fields(e.attr["class"])
		missing := func(word string) bool { return !slices.Contains(words, word) }
		return e.name != name || slices.ContainsFunc(class, missing)
	})
}

func texts(all []element) []string {
	var found []string
	for _, e := range all {
		if e.name == "text" {
			found = append(found, e.text)
		}
	}
	return found
}

func lines() plot.Lines {
	return plot.Lines{
		Title: "Time & clients", Caption: "Lower is better.",
		X: plot.Axis{Label: "clients"}, Y: plot.Axis{Label: "time", Format: table.Microseconds},
		Panels: []plot.LinePanel{
			{Title: "no pause", Series: []plot.Series{
				{Name: "<reactor>", Class: 0, Points: []plot.Point{{X: 10, Y: 20, Low: 15, High: 30}, {X: 100, Y: 80}, {X: 10_000, Y: 9000}}},
				{Name: "readwriter", Class: 1, Dashed: true, Points: []plot.Point{{X: 10, Y: 200}, {X: 100, Y: 900}}},
			}},
			{Title: "1s-2s", Series: []plot.Series{{Name: "<reactor>", Class: 0, Points: []plot.Point{{X: 10, Y: 20}}}}},
		},
	}
}

func TestLinesShowAllThatIsGiven(t *testing.T) {
	svg := lines().AppendSVG([]byte("before"))
	if !bytes.HasPrefix(svg, []byte("before<svg")) {
		t.Fatal("the chart is not appended")
	}
	all := parse(t, svg[len("before"):])
	for _, want := range []string{"Time & clients", "Lower is better.", "no pause", "1s-2s", "<reactor>", "readwriter", "10,000", "100 us", "clients", "time"} {
		if !slices.Contains(texts(all), want) {
			t.Errorf("%q is missing in %q", want, texts(all))
		}
	}
	// Each legend entry and each line.
	if got := len(of(all, "path", "line")); got != 2+3 {
		t.Errorf("%d lines, want 5", got)
	}
	if got := len(of(all, "path", "line", "dash")); got != 2 {
		t.Errorf("%d dashed lines, want 2", got)
	}
	if got := len(of(all, "path", "f0")) + len(of(all, "path", "hollow")); got != 2+6 {
		t.Errorf("%d markers, want 8", got)
	}
	if !strings.Contains(string(svg), "prefers-color-scheme:dark") {
		t.Error("the chart has no dark colours")
	}
}

func TestLinesRiseWithTheValues(t *testing.T) {
	all := parse(t, lines().AppendSVG(nil))
	line := of(all, "path", "line", "s0")[1] // after the legend's
	points := regexp.MustCompile(`[ML]([\d.]+) ([\d.]+)`).FindAllStringSubmatch(line.attr["d"], -1)
	if len(points) != 3 {
		t.Fatalf("the line is %q", line.attr["d"])
	}
	for i := range points[1:] {
		x, y := element{attr: map[string]string{"a": points[i][1], "b": points[i+1][1]}}, element{attr: map[string]string{"a": points[i][2], "b": points[i+1][2]}}
		if x.number(t, "a") >= x.number(t, "b") || y.number(t, "a") <= y.number(t, "b") {
			t.Errorf("%v to %v does not go right and up", points[i], points[i+1])
		}
	}
	// A decade is as wide as the next: 10 to 100 is half of 100 to 10,000.
	at := func(i int) float64 { v, _ := strconv.ParseFloat(points[i][1], 64); return v }
	if got := (at(2) - at(1)) / (at(1) - at(0)); math.Abs(got-2) > 0.01 {
		t.Errorf("two decades are %.2f times as wide as one", got)
	}
}

func TestLinesHaveRanges(t *testing.T) {
	withRange := parse(t, lines().AppendSVG(nil))
	l := lines()
	l.Panels[0].Series[0].Points[0].Low, l.Panels[0].Series[0].Points[0].High = 0, 0
	without := parse(t, l.AppendSVG(nil))
	if got := len(of(withRange, "line", "s0")) - len(of(without, "line", "s0")); got != 3 {
		t.Errorf("the range is drawn with %d lines, want 3", got)
	}
}

func bars() plot.Bars {
	return plot.Bars{
		Title: "CPU", Caption: "Shorter is cheaper.", Axis: plot.Axis{Label: "times C"}, Value: table.Ratio, Log: true, Base: 1,
		Classes: []string{"ours", "others", "", "unused"},
		Panels: []plot.BarPanel{{Title: "1,000 x 1", Bars: []plot.Bar{
			{Name: "lower", Value: 0.5}, {Name: "same", Value: 1}, {Name: "higher", Class: 1, Value: 4, Low: 3, High: 6}, {Name: "failed"},
		}}},
	}
}

func TestBarsStartAtTheBase(t *testing.T) {
	all := parse(t, bars().AppendSVG(nil))
	ours, others := of(all, "rect", "f0"), of(all, "rect", "f1")
	if len(ours) != 3 || len(others) != 2 { // the legend has one of each
		t.Fatalf("%d and %d bars, want 3 and 2", len(ours), len(others))
	}
	lower, same, higher := ours[1], ours[2], others[1]
	base := same.number(t, "x")
	if same.number(t, "width") != 0 || higher.number(t, "x") != base {
		t.Errorf("bars %v and %v don't begin at the base", same, higher)
	}
	if got := lower.number(t, "x") + lower.number(t, "width"); math.Abs(got-base) > 0.2 {
		t.Errorf("the bar below the base ends at %.1f, not %.1f", got, base)
	}
	// 4 is two doublings, 0.5 one.
	if got := higher.number(t, "width") / lower.number(t, "width"); math.Abs(got-2) > 0.02 {
		t.Errorf("the bars' lengths have the ratio %.2f, want 2", got)
	}
	for _, want := range []string{"0.50x", "1.00x", "4.00x", "-", "failed", "ours", "others", "times C"} {
		if !slices.Contains(texts(all), want) {
			t.Errorf("%q is missing in %q", want, texts(all))
		}
	}
	if got := len(of(all, "rect")); got != 1+3+3 {
		t.Errorf("%d rectangles, want the page, 3 of the legend and 3 bars", got)
	}
	if got := len(of(all, "path", "range")); got != 1 {
		t.Errorf("%d ranges, want 1", got)
	}
}

func TestLinearBars(t *testing.T) {
	b := plot.Bars{Panels: []plot.BarPanel{{Bars: []plot.Bar{{Name: "a", Value: 230}, {Name: "b", Value: 460}}}}}
	all := parse(t, b.AppendSVG(nil))
	drawn := of(all, "rect", "f0")
	if got := drawn[1].number(t, "width") / drawn[0].number(t, "width"); math.Abs(got-2) > 0.01 {
		t.Errorf("the ratio is %.2f, want 2", got)
	}
	if !slices.Contains(texts(all), "0") {
		t.Errorf("a linear axis does not begin at 0: %q", texts(all))
	}
}

func TestValuesThatCannotBeDrawn(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -1} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			l := lines()
			l.Panels[0].Series[0].Points[1] = plot.Point{X: 100, Y: bad, Low: bad, High: bad}
			all := parse(t, l.AppendSVG(nil))
			if got := len(of(all, "path", "line")); got != 5 {
				t.Errorf("%d lines, want 5", got)
			}
			b := bars()
			b.Panels[0].Bars[0].Value, b.Panels[0].Bars[0].High = bad, bad
			parse(t, b.AppendSVG(nil))
			b.Log, b.Base = false, 0
			parse(t, b.AppendSVG(nil))
		})
	}
}

func TestNothingToDraw(t *testing.T) {
	parse(t, plot.Lines{Title: "empty"}.AppendSVG(nil))
	parse(t, plot.Bars{Title: "empty", Panels: []plot.BarPanel{{}}}.AppendSVG(nil))
	parse(t, plot.Bars{Log: true, Panels: []plot.BarPanel{{Bars: []plot.Bar{{Name: "one", Value: 10}}}}}.AppendSVG(nil))
}

func TestTicks(t *testing.T) {
	cases := []struct {
		name        string
		min, max    float64
		log         bool
		want        []string
		wantPresent bool
	}{
		{"decades", 10, 10_000, true, []string{"10", "100", "1,000", "10,000"}, true},
		{"no steps within many decades", 10, 10_000, true, []string{"20", "50"}, false},
		{"steps within few decades", 0.7, 9, true, []string{"0.5", "1", "2", "5", "10"}, true},
		{"linear", 1, 93, false, []string{"0", "20", "40", "60", "80", "100"}, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := plot.Bars{Log: tc.log, Panels: []plot.BarPanel{{Bars: []plot.Bar{{Value: tc.min}, {Value: tc.max}}}}}
			var shown []string
			for _, e := range parse(t, b.AppendSVG(nil)) {
				if e.name == "text" && e.attr["text-anchor"] == "middle" {
					shown = append(shown, e.text)
				}
			}
			for _, want := range tc.want {
				if slices.Contains(shown, want) != tc.wantPresent {
					t.Errorf("%q: present %v, want %v, in %q", want, !tc.wantPresent, tc.wantPresent, shown)
				}
			}
		})
	}
}

func TestLongCaptionIsWrapped(t *testing.T) {
	l := plot.Lines{Caption: strings.Repeat("word ", 80)}
	var soft int
	for _, e := range of(parse(t, l.AppendSVG(nil)), "text", "soft") {
		if strings.HasPrefix(e.text, "word") {
			soft++
			if len(e.text) > 145 {
				t.Errorf("a line of %d letters", len(e.text))
			}
		}
	}
	if soft != 3 {
		t.Errorf("%d lines, want 3", soft)
	}
}
