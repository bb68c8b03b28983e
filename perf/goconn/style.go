package goconn

// Style is a way to serve connections with goroutines; the package comment describes
// them.
type Style string

// The styles.
const (
	Textbook   Style = "textbook"
	Buffered   Style = "buffered"
	Pooled     Style = "pooled"
	ReadWriter Style = "readwriter"
	Coalescing Style = "coalescing"
)

// Styles returns all styles.
func Styles() []Style { return []Style{Textbook, Buffered, Pooled, ReadWriter, Coalescing} }
