package chaos

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The market of shallowSeed.
const (
	shallowDepth   = 40 // shares that a price step of every second instrument offers at each price
	shallowPrice   = 20
	shallowHolding = 500
)

// shallowSeed writes a seed file with the customers, tokens and instruments of the shipped one, in
// which half of the instruments offer few shares at each price: so orders are executed in
// several parts. It tells the traders, and returns the flag for the server.
func (r *Run) shallowSeed(traders []*trader) []string {
	var b strings.Builder
	b.WriteString(`{"format": 1, "instruments": [`)
	depths := make(map[string]int)
	for n := range 20 {
		i := instrument(n)
		depths[i[1]] = n % 2 * shallowDepth
		fmt.Fprintf(&b, `%s{"market": %q, "code": %q, "last": "%d.00", "depth": %d}`, comma(n), i[0], i[1], shallowPrice+n, depths[i[1]])
	}
	b.WriteString(`], "customers": [`)
	customer := func(number uint32, role string) {
		fmt.Fprintf(&b, `{"customer": %d, "name": "Customer", "role": %q, "token_sha256": "%x", "cash": "1000000.00", "positions": [`,
			number, role, sha256.Sum256(demoToken(number)))
		for n := range 20 {
			i := instrument(n)
			fmt.Fprintf(&b, `%s{"market": %q, "code": %q, "quantity": %d, "average_cost": "%d.00"}`, comma(n), i[0], i[1], shallowHolding, shallowPrice)
		}
		b.WriteString("]}")
	}
	for n := range uint32(customers) {
		customer(firstCustomer+n, "")
		b.WriteString(",\n")
	}
	customer(operatorID, "operator")
	b.WriteString("]}")
	file := filepath.Join(r.Scratch, "shallow.json")
	check(os.WriteFile(file, []byte(b.String()), 0o600))
	for _, t := range traders {
		t.prices.depths = depths
	}
	return []string{"--seed-file", file}
}

// comma returns what separates element n of a list from the one before.
func comma(n int) string {
	if n == 0 {
		return ""
	}
	return ", "
}
