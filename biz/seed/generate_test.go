package seed_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

func generate(t testing.TB, o seed.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := seed.Generate(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGenerateIsDeterministic(t *testing.T) {
	o := seed.Options{Customers: 50, Instruments: 120, Random: 5}
	first := generate(t, o)
	if !bytes.Equal(first, generate(t, o)) {
		t.Error("the same options give another file")
	}
	o.Random++
	if bytes.Equal(first, generate(t, o)) {
		t.Error("another number gives the same file")
	}
}

func TestGeneratedFileFitsItsTokens(t *testing.T) {
	for _, demo := range []bool{false, true} {
		o := seed.Options{Customers: 25, Instruments: 3, Random: 9, Demo: demo}
		s, err := seed.Parse("made", generate(t, o))
		if err != nil {
			t.Fatal(err)
		}
		var lines bytes.Buffer
		if err := seed.GenerateTokens(&lines, o); err != nil {
			t.Fatal(err)
		}
		tokens, err := seed.ReadTokens(&lines)
		if err != nil || len(tokens) != 26 || len(s.Customers) != 26 || len(s.Instruments) != 3 {
			t.Fatalf("%d tokens, %d customers, %v", len(tokens), len(s.Customers), err)
		}
		seen := map[string]bool{}
		for i, k := range tokens {
			c := &s.Customers[i]
			if k.Customer != c.Number || !c.VerifyToken(k.Token) || c.Password != "" || seen[string(k.Token)] {
				t.Errorf("demo %v: token of %d does not fit customer %d", demo, k.Customer, c.Number)
			}
			if c.VerifyToken(seed.DemoToken(c.Number)) != demo {
				t.Errorf("demo %v: customer %d has the wrong kind of token", demo, c.Number)
			}
			seen[string(k.Token)] = true
		}
	}
}

func TestGeneratedCustomers(t *testing.T) {
	s, err := seed.Parse("made", generate(t, seed.Options{Customers: 40, Instruments: 7, Random: 3}))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.Customers[0]; o.Number != seed.Operator || !o.Operator() || o.Cash != 0 || len(o.Holdings) != 0 {
		t.Errorf("operator %+v", o)
	}
	for n, c := range s.Customers[1:] {
		if c.Number != seed.FirstCustomer+ledger.Customer(n) || c.Operator() || c.Cash != 10_000_000_000_000 {
			t.Errorf("customer %d: %+v", n, c)
		}
		if (len(c.Holdings) == 0) != (n%10 == 9) || len(c.Holdings) > 5 {
			t.Errorf("customer %d has %d positions", c.Number, len(c.Holdings))
		}
	}
}

func TestGeneratedPositions(t *testing.T) {
	s, err := seed.Parse("made", generate(t, seed.Options{Customers: 500, Instruments: 50, Positions: 12, Mainland: true}))
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, c := range s.Customers {
		most = max(most, len(c.Holdings))
		for _, h := range c.Holdings {
			if i := &s.Instruments[h.Instrument]; h.Quantity < i.Lots.Minimum {
				t.Errorf("customer %d has %d shares of %s", c.Number, h.Quantity, i.Market)
			}
		}
	}
	if most != 12 {
		t.Errorf("at most %d positions, want 12", most)
	}
}

func TestGeneratedNamesDiffer(t *testing.T) {
	s, err := seed.Parse("made", generate(t, seed.Options{Customers: 1, Instruments: 1000}))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, i := range s.Instruments {
		if seen[i.Name] {
			t.Errorf("two are called %s", i.Name)
		}
		seen[i.Name] = true
	}
}

func TestGenerateGivesThePassword(t *testing.T) {
	type call struct{ done, total int }
	var calls []call
	o := seed.Options{Customers: 2, Instruments: 1, Password: "open sesame", Progress: func(done, total int) {
		calls = append(calls, call{done, total})
	}}
	s, err := seed.Parse("made", generate(t, o))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, calls, []call{{1, 2}, {2, 2}})
	salts := map[string]bool{}
	for _, c := range s.Customers {
		if ok, err := seed.VerifyPassword(c.Password, "open sesame"); !ok || err != nil {
			t.Errorf("customer %d: %v, %v", c.Number, ok, err)
		}
		salts[strings.Split(c.Password, "$")[4]] = true
	}
	if len(salts) != 3 {
		t.Errorf("%d salts for 3 customers", len(salts))
	}
}

func TestGenerateRefuses(t *testing.T) {
	for name, o := range map[string]seed.Options{
		"no customers":       {Instruments: 1},
		"no instruments":     {Customers: 1},
		"too many customers": {Customers: seed.MaxCustomers, Instruments: 1},
		"negative":           {Customers: -1, Instruments: 1},
		"many instruments":   {Customers: 1, Instruments: 10_001},
		"negative positions": {Customers: 1, Instruments: 1, Positions: -1},
		"many positions":     {Customers: 1, Instruments: 1, Positions: seed.MaxGeneratedPositions + 1},
		"long password":      {Customers: 1, Instruments: 1, Password: strings.Repeat("x", seed.MaxPasswordSize+1)},
	} {
		var b bytes.Buffer
		if err := seed.Generate(&b, o); !errors.Is(err, seed.ErrBadOptions) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
		if err := seed.GenerateTokens(&b, o); !errors.Is(err, seed.ErrBadOptions) || b.Len() > 0 {
			t.Errorf("tokens, %s: %v, %d bytes", name, err, b.Len())
		}
	}
}

var errFull = errors.New("disk is full")

// full takes that many bytes and no more.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestGenerateReportsWriteErrors(t *testing.T) {
	o := seed.Options{Customers: 100, Instruments: 20}
	for _, left := range []int{0, 5000} {
		if err := seed.Generate(&full{left}, o); !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
	if err := seed.GenerateTokens(&full{}, o); !errors.Is(err, errFull) {
		t.Errorf("tokens: %v", err)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, o := range []seed.Options{
		{Customers: 100, Instruments: 20},
		{Customers: 10_000, Instruments: 20},
		{Customers: 100_000, Instruments: 5000, Positions: 21, Mainland: true}, // a million positions
	} {
		b.Run(fmt.Sprint(o.Customers, " customers"), func(b *testing.B) {
			content := generate(b, o)
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := seed.Parse("made", content); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleGenerate() {
	o := seed.Options{Customers: 10, Instruments: 2, Random: 42}
	var file, tokens bytes.Buffer
	if err := errors.Join(seed.Generate(&file, o), seed.GenerateTokens(&tokens, o)); err != nil {
		panic(err)
	}
	s, err := seed.Parse("seed.json", file.Bytes())
	fmt.Println(len(s.Customers), s.Instruments[0].Code, s.Instruments[0].Last, err)
	// Output: 11 600100 10.0000 <nil>
}
