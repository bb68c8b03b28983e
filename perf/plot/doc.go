// Package plot draws charts as SVG text: lines on two logarithmic axes and
// horizontal bars, both with ranges and in panels that share their axes.
//
// We do not use a library because those we found write fixed colours. A chart of this
// package follows the reader's light or dark scheme (prefers-color-scheme), scales with
// the page, contains its title and caption, and can be read without distinguishing
// colours: lines differ in dash and marker, and bars have their names beside them.
//
// The package does not know what the figures mean. Values that can't be drawn (NaN,
// infinite, and on a logarithmic axis zero and below) are left out. Goroutine: any; no
// state. Limit: six colours, which repeat.
package plot
