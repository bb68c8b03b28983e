package seed_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

const editable = "\ufeff{ \"format\": 1,\n  \"instruments\": [{\"market\": \"A\", \"code\": \"1\", \"last\": \"1.00\"}],\n" +
	"  \"customers\": [\n\t{\"customer\":7 ,\"name\" : \"S\\u0065ven <&>\", \"token_sha256\": \"\"},\n" +
	"\t{ \"password\": \"" + hash8 + "\",\n\t  \"customer\": 8 },\n\t{\"customer\": 9}\n  ] }\r\n"

const (
	hash8 = "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiB0aGUgdGVzdA$uJsMBHJVUJNnFwJUdcYoIwgz8vL+n7sZO+acCUcnwyE"
	hash9 = "$argon2id$v=19$m=8,t=1,p=1$d2FsdCBvZiB0aGUgdGVzdA$uJsMBHJVUJNnFwJUdcYoIwgz8vL+n7sZO+acCUcnwyE"
)

// TestEdit: an edit changes what it names, and no other byte.
func TestEdit(t *testing.T) {
	token := sha256.Sum256([]byte("token"))
	in := fmt.Sprintf("%x", token)
	cases := []struct {
		name     string
		edit     func(*seed.File) error
		old, new string
	}{
		{"nothing", func(*seed.File) error { return nil }, "", ""},
		{"replaced token", func(f *seed.File) error { return f.SetToken(7, token[:]) }, `"token_sha256": ""`, `"token_sha256": "` + in + `"`},
		{"removed token", func(f *seed.File) error { return f.SetToken(7, nil) }, `, "token_sha256": ""`, ""},
		{"replaced password", func(f *seed.File) error { return f.SetPassword(8, hash9) }, hash8, hash9},
		{"removed password", func(f *seed.File) error { return f.SetPassword(8, "") }, `"password": "` + hash8 + "\",\n\t  ", ""},
		{"new token of 8", func(f *seed.File) error { return f.SetToken(8, token[:]) }, `"customer": 8 `, `"customer": 8` + ",\n\t  " + `"token_sha256": "` + in + `" `},
		{"new password of 9", func(f *seed.File) error { return f.SetPassword(9, hash9) }, `"customer": 9`, `"customer": 9, "password": "` + hash9 + `"`},
		{"removed twice", func(f *seed.File) error { return errors.Join(f.SetPassword(8, ""), f.SetPassword(8, "")) }, `"password": "` + hash8 + "\",\n\t  ", ""},
		{"new customer", func(f *seed.File) error {
			return f.Add(&seed.Customer{Number: 10, Name: `Ten "<>"`, Role: seed.RoleViewer, Cash: 25_0000, TokenSHA256: token})
		}, `{"customer": 9}`, `{"customer": 9},` + "\n\t" + `{"customer":10,"name":"Ten \"<>\"","role":"viewer","cash":"25.0000","token_sha256":"` + in + `"}`},
	}
	for _, tc := range cases {
		f, _, err := seed.Edit("x", []byte(editable))
		if err == nil {
			err = tc.edit(f)
		}
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		got, err := f.Text()
		if want := strings.Replace(editable, tc.old, tc.new, 1); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%q\n%q", tc.name, err, got, want)
		}
	}
}

// TestEditErrors: unknown and known customers, and values that the parser refuses.
func TestEditErrors(t *testing.T) {
	f, _, err := seed.Edit("x", []byte(editable))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SetToken(5, nil); !errors.Is(err, seed.ErrUnknownCustomer) {
		t.Error(err)
	}
	if err := f.Add(&seed.Customer{Number: 8}); !errors.Is(err, seed.ErrDoubleCustomer) {
		t.Error(err)
	}
	if err := f.SetPassword(7, "secret"); err != nil {
		t.Error(err)
	}
	if _, err := f.Text(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a password without a hash: %v", err)
	}
	if _, _, err := seed.Edit("x", []byte("{")); err == nil {
		t.Error("a broken file")
	}
}

// TestEditOneCustomer: a file with one customer in its line, and the shipped one.
func TestEditOneCustomer(t *testing.T) {
	const one = `{"format":1,"instruments":[{"market":"A","code":"1","last":"1"}],"customers":[{"customer":1}]}`
	for _, text := range [][]byte{[]byte(one), generate(t, seed.Options{Customers: 3, Instruments: 2, Random: 1})} {
		f, before, err := seed.Edit("x", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Add(&seed.Customer{Number: 2, Name: "Two"}); err != nil {
			t.Fatal(err)
		}
		if err := f.SetPassword(2, hash9); err != nil {
			t.Fatal(err)
		}
		got, err := f.Text()
		if err != nil {
			t.Fatal(err)
		}
		after, err := seed.Parse("x", got)
		if err != nil || len(after.Customers) != len(before.Customers)+1 {
			t.Fatal(err)
		}
		if c := after.Customers[len(before.Customers)]; c.Number != ledger.Customer(2) || c.Name != "Two" || c.Password != hash9 {
			t.Errorf("%+v", c)
		}
		if !bytes.HasPrefix(got, text[:len(text)-7]) {
			t.Errorf("%s", got)
		}
	}
}

// FuzzEdit: whatever the parser accepts can be edited, and is accepted with the change in it.
func FuzzEdit(f *testing.F) {
	f.Add([]byte(editable), uint32(7))
	f.Add([]byte(editable), uint32(8))
	f.Add([]byte(`{"format":1,"instruments":[{"market":"A","code":"1","last":"1"}],"customers":[{"customer":1}],"customers":[{"customer":2}]}`), uint32(2))
	f.Fuzz(func(t *testing.T, text []byte, number uint32) {
		file, before, err := seed.Edit("x", text)
		if err != nil {
			return
		}
		c := ledger.Customer(number)
		err = file.SetPassword(c, hash9)
		if errors.Is(err, seed.ErrUnknownCustomer) {
			if c == 0 {
				return
			}
			err = file.Add(&seed.Customer{Number: c, Password: hash9})
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := file.Text()
		if err != nil {
			t.Fatalf("%v: %q\n%q", err, text, got)
		}
		after, err := seed.Parse("x", got)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for i := range after.Customers {
			a := &after.Customers[i]
			found = found || a.Number == c && a.Password == hash9
		}
		if !found || len(after.Customers) < len(before.Customers) {
			t.Errorf("%q\n%q", text, got)
		}
	})
}
