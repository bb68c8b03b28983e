package terminal

// Escape sequences for text on a terminal (ECMA-48, select graphic rendition).
const (
	Red    = "\x1b[31m"
	Green  = "\x1b[32m"
	Yellow = "\x1b[33m"
	Faint  = "\x1b[2m"
	Struck = "\x1b[9m"
	bold   = "\x1b[1m"
	under  = "\x1b[4m"
	invert = "\x1b[7m"
	reset  = "\x1b[0m"
)

// Style returns text in a style, or unchanged if styles are off.
type Style func(style, text string) string

// NewStyle returns a Style that is on or off. The style "" changes nothing.
func NewStyle(on bool) Style {
	return func(style, text string) string {
		if !on || style == "" || text == "" {
			return text
		}
		return style + text + reset
	}
}
