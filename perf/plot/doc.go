// Package plot draws charts as SVG text: lines on two logarithmic axes and
// horizontal bars, both with ranges and in panels that share their axes.
//
// It is small and our own because the libraries we know write fixed colours. A
// chart from here follows the reader's light or dark scheme (prefers-color-scheme),
// scales with the page, carries its title and caption inside, and can be read
// without telling colours apart: lines differ in dash and marker, bars stand
// beside their name.
//
// The package draws what it is given and knows nothing of what the figures mean.
// Values that can't be drawn (NaN, infinite, on a logarithmic axis also zero and
// below) are left out. Any goroutine; no state. Limit: six classes of colour,
// which repeat.
package plot
