package seed

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the shipped files
	"fmt"
	"io"
	"os"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// Limits of a seed file.
const (
	MaxFileSize  = 1 << 30
	MaxCustomers = 500_000
)

// Seed is what a server starts with.
type Seed struct {
	// Markets are the rules of each market: in the order of the file or, without markets in
	// the file, of their first instruments. Instruments share them.
	Markets []*market.Rules
	// Instruments have the ids 0, 1, 2...
	Instruments []market.Instrument
	// Customers are in the order of the file; no number comes twice.
	Customers []Customer
	// SHA256 is the hash of the file's bytes.
	SHA256 [sha256.Size]byte
}

// Role is what a customer may do.
type Role uint8

// The roles.
const (
	RoleCustomer Role = 0 // trades for itself, and reads its own account
	RoleOperator Role = 1 // also reads and changes every account and the market
	RoleViewer   Role = 2 // reads every account, and changes nothing
)

// Roles returns all roles.
func Roles() []Role { return []Role{RoleCustomer, RoleOperator, RoleViewer} }

// String returns the role as the file has it.
func (r Role) String() string {
	switch r {
	case RoleOperator:
		return "operator"
	case RoleViewer:
		return "viewer"
	}
	return "customer"
}

// ParseRole returns the role with this name; "" is RoleCustomer.
func ParseRole(name string) (Role, bool) {
	for _, r := range Roles() {
		if name == r.String() || name == "" {
			return r, true
		}
	}
	return 0, false
}

// Customer is one entry of the file.
type Customer struct {
	Number   ledger.Customer
	Name     string
	Role     Role
	Cash     ledger.Money
	Holdings []ledger.Holding
	// Password is an Argon2id hash in PHC form, or empty: no password login.
	Password string
	// TokenSHA256 is the hash of the token; all zero means no token login.
	TokenSHA256 [sha256.Size]byte
	// Certificate is the common name of the client certificates that can log in; "": none can.
	Certificate string
	// Directives allows orders to ask for simulated outcomes.
	Directives bool
	// FIX has the customer's FIX sessions that have settings.
	FIX []FIX
}

// Opening returns what the customer's account starts with.
func (c *Customer) Opening() ledger.Opening {
	return ledger.Opening{Cash: c.Cash, Holdings: c.Holdings}
}

// Operator reports whether the customer has the operator role.
func (c *Customer) Operator() bool { return c.Role == RoleOperator }

// Viewer reports whether the customer has the viewer role.
func (c *Customer) Viewer() bool { return c.Role == RoleViewer }

//go:embed default.json
var defaultFile string

// Default returns the seed that ships with holdfast: 100 customers (100001 to
// 100100, every tenth without positions), the operator 900001 and 20 instruments
// on two markets. Its credentials are published.
func Default() (*Seed, error) { return Parse("default.json", []byte(defaultFile)) }

//go:embed mainland.json
var mainlandFile string

// Mainland returns the second seed that ships with holdfast, with the rules of a mainland
// market: the market EAST with lots of 100 and a band of 10 %, the market NOVA with at least 200
// shares and a band of 20 %, shares that can be sold one trading day later, fees and trading
// hours at UTC+8. It has the customers and the credentials of Default.
func Mainland() (*Seed, error) { return Parse("mainland.json", []byte(mainlandFile)) }

// Load reads a seed file. Errors are those of the file system, ErrTooLarge, and
// jsonfile.Error with the path as the file's name.
func Load(path string) (*Seed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	content, err := readAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return Parse(path, content)
}

// readAll reads a file, but no more than a byte over MaxFileSize.
func readAll(f *os.File) ([]byte, error) {
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		b.Grow(int(min(info.Size(), MaxFileSize)) + bytes.MinRead) // one read, no copies
	}
	_, err := b.ReadFrom(io.LimitReader(f, MaxFileSize+1))
	return b.Bytes(), err
}

// Parse reads a seed from the content of a file; name is for errors, which are
// ErrTooLarge and jsonfile.Error. It keeps nothing of content.
func Parse(name string, content []byte) (*Seed, error) {
	if len(content) > MaxFileSize {
		return nil, fmt.Errorf("%s: %w: over %d bytes", name, ErrTooLarge, MaxFileSize)
	}
	p := newParser(name, content)
	s, err := p.seed()
	if err != nil {
		return nil, err
	}
	s.SHA256 = sha256.Sum256(content)
	return s, nil
}
