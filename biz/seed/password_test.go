package seed_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/biz/seed"
)

// known is one of the test foreign of the reference implementation of Argon2
// (version 0x13, m = 65536, t = 2, p = 1, "password", "somesalt").
func TestVerifyPassword(t *testing.T) {
	made := seed.HashPassword("correct horse", [16]byte{1, 2, 3})
	if !strings.HasPrefix(made, "$argon2id$v=19$m=19456,t=2,p=1$AQIDAAAAAAAAAAAAAAAAAA$") {
		t.Errorf("hash %s", made)
	}
	foreign := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	cases := []struct {
		name, hash, password string
		want                 bool
	}{
		{"own hash", made, "correct horse", true},
		{"own hash, other password", made, "correct horsf", false},
		{"own hash, empty", made, "", false},
		{"another program's hash", foreign, "password", true},
		{"another program's hash, other password", foreign, "Password", false},
		{"too long", made, strings.Repeat("x", seed.MaxPasswordSize+1), false},
	}
	for _, c := range cases {
		if have, err := seed.VerifyPassword(c.hash, c.password); err != nil || have != c.want {
			t.Errorf("%s: %v, %v", c.name, have, err)
		}
	}
}

func TestVerifyPasswordRefusesHashes(t *testing.T) {
	const salt, hash = "c2FsdHNhbHQ", "AAAAAAAAAAAAAAAAAAAAAA"
	cases := map[string]string{
		"empty":              "",
		"clear text":         "secret",
		"another algorithm":  "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + hash,
		"another version":    "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + hash,
		"no version":         "$argon2id$m=8,t=1,p=1$" + salt + "$" + hash,
		"one part too many":  "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash + "$",
		"something before":   "x$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash,
		"memory over 64 MB":  "$argon2id$v=19$m=65537,t=1,p=1$" + salt + "$" + hash,
		"memory overflows":   "$argon2id$v=19$m=4294967304,t=1,p=1$" + salt + "$" + hash,
		"memory too little":  "$argon2id$v=19$m=31,t=1,p=4$" + salt + "$" + hash,
		"no pass":            "$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + hash,
		"many passes":        "$argon2id$v=19$m=8,t=11,p=1$" + salt + "$" + hash,
		"no thread":          "$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + hash,
		"many threads":       "$argon2id$v=19$m=64,t=1,p=5$" + salt + "$" + hash,
		"leading zero":       "$argon2id$v=19$m=08,t=1,p=1$" + salt + "$" + hash,
		"something behind":   "$argon2id$v=19$m=8,t=1,p=1,x=1$" + salt + "$" + hash,
		"order":              "$argon2id$v=19$t=1,m=8,p=1$" + salt + "$" + hash,
		"salt too short":     "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$" + hash,
		"salt too long":      "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("AAAA", 22) + "$" + hash,
		"salt padded":        "$argon2id$v=19$m=8,t=1,p=1$" + salt + "=$" + hash,
		"spare bits in salt": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHR$" + hash,
		"spare bits in hash": "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash[1:] + "B",
		"hash too short":     "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAA",
		"hash too long":      "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + strings.Repeat("AAAA", 22),
		"hash not base64":    "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash[1:] + "!",
	}
	for name, hash := range cases {
		if ok, err := seed.VerifyPassword(hash, "x"); !errors.Is(err, seed.ErrBadHash) || ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

func FuzzVerifyPassword(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, hash string) {
		if ok, err := seed.VerifyPassword(hash, "x"); ok && err != nil {
			t.Fatal("right and wrong")
		}
	})
}

func BenchmarkVerifyPassword(b *testing.B) {
	hash := seed.HashPassword("x", [16]byte{})
	for b.Loop() {
		if ok, _ := seed.VerifyPassword(hash, "x"); !ok {
			b.Fatal("wrong")
		}
	}
}
