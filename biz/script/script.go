package script

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec/pb"
)

// Limits of a script.
const (
	MaxFileSize = 16 << 20
	MaxEvents   = 100_000
)

// Script is a day of trading.
type Script struct {
	// Name is the file, or the name of a shipped script.
	Name string
	// Start is when the clock starts.
	Start time.Time
	// Speed is how many seconds pass in one of real time. It is 1 with Stepped: time then
	// passes only in steps.
	Speed   int
	Stepped bool
	// Random is the seed of the random numbers.
	Random uint64
	// Preset is the name of a market.Preset, "" for none.
	Preset string
	// Orders and PriceMoves are rates per second of the clock.
	Orders, PriceMoves float64
	// Events are in the order of their times.
	Events []Event

	hash [sha256.Size]byte // of the text
}

// Event is a command at a time.
type Event struct {
	At   time.Time
	Line int    // in the file
	Do   string // the name of the command

	given map[string]bool // keys that are there

	instrument    seed.Key // without a code: a market
	customer      ledger.Customer
	order         uint32
	execution     uint32
	clientOrderID ledger.ClientOrderID
	side          ledger.Side
	timeInForce   ledger.TimeInForce
	expires       time.Time
	quantity      ledger.Quantity
	price, stop   ledger.Price
	amount        ledger.Money
	text          string // the reason, or a comment
	refusal       ledger.Refusal
	count         uint32
	afterPush     uint64
	duration      time.Duration
	fault         pb.FixFault
	session       string // of FIX

	held, all, late, reopen, cascade bool
}

// About returns the customer and the instrument of the event, for people.
func (e *Event) About() string {
	var words []string
	if e.customer != 0 {
		words = append(words, fmt.Sprint(e.customer))
	}
	switch {
	case e.instrument.Code != "":
		words = append(words, e.instrument.String())
	case e.instrument.Market != "":
		words = append(words, e.instrument.Market)
	}
	return strings.Join(words, " ")
}

//go:embed quiet.json wild.json mistakes.json
var files embed.FS

// Shipped returns the names of the scripts that ship with holdfast. They are for the seed that
// ships with it, seed.Default.
func Shipped() []string { return []string{"quiet", "wild", "mistakes"} }

// Text returns the text of a script: a shipped one by its name, otherwise the file. Errors are
// those of the file system, and ErrTooLarge.
func Text(name string) ([]byte, error) {
	if slices.Contains(Shipped(), name) {
		return files.ReadFile(name + ".json")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	content, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err == nil && len(content) > MaxFileSize {
		err = fmt.Errorf("%s: %w: over %d bytes", name, ErrTooLarge, MaxFileSize)
	}
	return content, err
}

// Load reads a script: a shipped one by its name, otherwise a file. Errors are those of Text
// and Parse.
func Load(name string, s *seed.Seed) (*Script, error) {
	content, err := Text(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, content, s)
}

// Parse reads a script for the markets, instruments and customers of a seed. name is for
// errors, which are jsonfile.Error.
func Parse(name string, content []byte, s *seed.Seed) (*Script, error) {
	p := newParser(name, content, s)
	if err := p.script(); err != nil {
		return nil, err
	}
	p.result.Name, p.result.hash = name, sha256.Sum256(content)
	return p.result, nil
}
