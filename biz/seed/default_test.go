package seed_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

//go:generate go test -run ^TestShippedFilesAreWhatTheGeneratorMakes$ -update .

var update = flag.Bool("update", false, "write the shipped files anew")

// Hashing the passwords takes seconds, so the comparison leaves them out unless
// the files are written.
func TestShippedFilesAreWhatTheGeneratorMakes(t *testing.T) {
	for _, file := range []struct {
		name     string
		mainland bool
		load     func() (*seed.Seed, error)
	}{{"default.json", false, seed.Default}, {"mainland.json", true, seed.Mainland}} {
		t.Run(file.name, func(t *testing.T) {
			o := seed.Options{Customers: 100, Instruments: 20, Random: 1, Password: seed.DemoPassword, Demo: true, Mainland: file.mainland}
			if !*update {
				o.Password = ""
			}
			made := generate(t, o)
			if *update {
				if err := os.WriteFile(file.name, made, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := seed.Parse("made", made)
			if err != nil {
				t.Fatal(err)
			}
			have, err := file.load()
			if err != nil {
				t.Fatal(err)
			}
			for i := range have.Customers {
				have.Customers[i].Password = ""
			}
			have.SHA256 = want.SHA256
			equal(t, have, want)
		})
	}
}

func defaultSeed(t testing.TB) *seed.Seed {
	t.Helper()
	s, err := seed.Default()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mainlandSeed(t testing.TB) *seed.Seed {
	t.Helper()
	s, err := seed.Mainland()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShippedFilesHoldWhatTheyPromise(t *testing.T) {
	for name, s := range map[string]*seed.Seed{"default": defaultSeed(t), "mainland": mainlandSeed(t)} {
		t.Run(name, func(t *testing.T) {
			if len(s.Markets) != 2 || len(s.Instruments) != 20 || len(s.Customers) != 101 {
				t.Fatalf("%d markets, %d instruments, %d customers", len(s.Markets), len(s.Instruments), len(s.Customers))
			}
			if m, err := market.New(s.Instruments); err != nil || !slices.Equal(m.Rules(), s.Markets) {
				t.Errorf("other markets, %v", err)
			}
			empty := 0
			for i := range s.Customers {
				c := &s.Customers[i]
				if _, err := ledger.NewAccount(c.Number, ledger.Opening{Cash: c.Cash, Holdings: c.Holdings}, ledger.Options{}); err != nil {
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
		})
	}
}

func TestDefaultRules(t *testing.T) {
	s := defaultSeed(t)
	equal(t, s.Markets, []*market.Rules{{Name: "ALFA"}, {Name: "BETA"}})
	if l := s.Instruments[19].Lots; l != (ledger.Lots{Minimum: 1, Step: 1}) {
		t.Errorf("lots %+v", l)
	}
}

func TestMainlandRules(t *testing.T) {
	s := mainlandSeed(t)
	east := market.Rules{
		Name: "EAST", Lots: ledger.Lots{Minimum: 100, Step: 100}, Band: 10_000_000, SharesDays: 1, Offset: 8 * 3600,
		Hours: &market.Hours{Weekdays: market.MondayToFriday, Sessions: []market.Session{{Open: 34_200, Close: 41_400}, {Open: 46_800, Close: 54_000}}},
		Fees:  &ledger.Fees{Commission: 25_000, Minimum: 50_000, SellTax: 50_000},
	}
	nova := east
	nova.Name, nova.Lots, nova.Band = "NOVA", ledger.Lots{Minimum: 200, Step: 1}, 20_000_000
	equal(t, s.Markets, []*market.Rules{&east, &nova})
	odd := 0
	for n, i := range s.Instruments {
		if i.Rules != s.Markets[n%2] || i.Lots != i.Rules.Lots {
			t.Errorf("%s %s has the rules of %s and lots of %+v", i.Market, i.Code, i.Rules.Name, i.Lots)
		}
	}
	for _, c := range s.Customers {
		for _, h := range c.Holdings {
			if h.Quantity%s.Instruments[h.Instrument].Lots.Step != 0 {
				odd++
			}
		}
	}
	if odd == 0 {
		t.Error("no position has an odd remainder")
	}
}

func TestShippedPassword(t *testing.T) {
	c := mainlandSeed(t).Customers[100]
	if c.Password != defaultSeed(t).Customers[100].Password {
		t.Error("the shipped files have other passwords")
	}
	for password, want := range map[string]bool{seed.DemoPassword: true, "holdfast-Demo": false, "": false} {
		if have, err := seed.VerifyPassword(c.Password, password); err != nil || have != want {
			t.Errorf("%q: %v, %v", password, have, err)
		}
	}
}
