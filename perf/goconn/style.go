package goconn

// Style is a way to serve connections with goroutines; the package comment has
// what each does.
type Style string

// The styles.
const (
	Textbook   Style = "textbook"
	Buffered   Style = "buffered"
	Pooled     Style = "pooled"
	ReadWriter Style = "readwriter"
)

// Styles returns all styles.
func Styles() []Style { return []Style{Textbook, Buffered, Pooled, ReadWriter} }
