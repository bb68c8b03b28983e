package seed_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

//go:generate go test -run ^TestDefaultIsWhatTheGeneratorMakes$ -update .

var update = flag.Bool("update", false, "write default.json anew")

// Hashing the passwords takes seconds, so the comparison leaves them out unless
// the file is written.
func TestDefaultIsWhatTheGeneratorMakes(t *testing.T) {
	o := seed.Options{Customers: 100, Instruments: 20, Random: 1, Password: seed.DemoPassword, Demo: true}
	if !*update {
		o.Password = ""
	}
	var made bytes.Buffer
	if err := seed.Generate(&made, o); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("default.json", made.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := seed.Parse("made", made.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	have := defaultSeed(t)
	for i := range have.Customers {
		have.Customers[i].Password = ""
	}
	have.SHA256 = want.SHA256
	equal(t, have, want)
}

func defaultSeed(t testing.TB) *seed.Seed {
	t.Helper()
	s, err := seed.Default()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaultHoldsWhatItPromises(t *testing.T) {
	s := defaultSeed(t)
	if len(s.Instruments) != 20 || len(s.Customers) != 101 {
		t.Fatalf("%d instruments, %d customers", len(s.Instruments), len(s.Customers))
	}
	if _, err := market.New(s.Instruments); err != nil {
		t.Error(err)
	}
	empty := 0
	for i := range s.Customers {
		c := &s.Customers[i]
		if _, err := ledger.NewAccount(c.Number, c.Cash, c.Holdings, 1); err != nil {
			t.Error(err)
		}
		if !c.VerifyToken(seed.DemoToken(c.Number)) {
			t.Errorf("customer %d does not have the demo token", c.Number)
		}
		if c.Operator() != (c.Number == seed.Operator) {
			t.Errorf("customer %d: operator is %v", c.Number, c.Operator())
		}
		if !c.Operator() && len(c.Holdings) == 0 {
			empty++
		}
	}
	if empty != 10 {
		t.Errorf("%d customers without positions, want 10", empty)
	}
	first := s.Customers[1]
	if first.Number != 100001 || len(first.Holdings) != 1 || first.Holdings[0].Quantity != 100 ||
		first.Holdings[0].Cost != 10_000_000 || s.Instruments[0].Last != 100_000 {
		t.Errorf("the first customer is not the worked example: %+v", first)
	}
}

func TestDefaultPassword(t *testing.T) {
	c := defaultSeed(t).Customers[100]
	for password, want := range map[string]bool{seed.DemoPassword: true, "holdfast-Demo": false, "": false} {
		if have, err := seed.VerifyPassword(c.Password, password); err != nil || have != want {
			t.Errorf("%q: %v, %v", password, have, err)
		}
	}
}
