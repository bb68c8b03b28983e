// Package docs has the documentation pages, for the help of the console.
package docs

import "embed"

// Pages are the pages, such as trading.md.
//
//go:embed *.md
var Pages embed.FS
