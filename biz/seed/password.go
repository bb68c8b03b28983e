package seed

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// How passwords are hashed: the second of the settings that the OWASP Password
// Storage Cheat Sheet recommends for Argon2id.
const (
	hashMemoryKiB = 19456
	hashPasses    = 2
	hashThreads   = 1
	hashSize      = 32
	// SaltSize is the size of the salts that HashPassword takes, in bytes.
	SaltSize = 16
)

// Bounds of the hashes that VerifyPassword accepts, so that a file can't make a
// login take all memory or time.
const (
	maxMemoryKiB = 64 << 10
	maxPasses    = 10
	maxThreads   = 4
	minSalt      = 8
	maxSalt      = 64
	minHash      = 16
	maxHash      = 64
	// MaxPasswordSize is the longest password, in bytes.
	MaxPasswordSize = 1024
)

// phc is a parsed Argon2id hash.
type phc struct {
	memoryKiB, passes uint32
	threads           uint8
	salt, hash        []byte
}

// HashPassword returns the Argon2id hash in PHC form
// ($argon2id$v=19$m=...,t=...,p=...$salt$hash) with a salt of 16 bytes. It takes
// some 20 MB of memory for tens of milliseconds.
func HashPassword(password string, salt [SaltSize]byte) string {
	hash := argon2.IDKey([]byte(password), salt[:], hashPasses, hashMemoryKiB, hashThreads, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemoryKiB, hashPasses, hashThreads,
		base64.RawStdEncoding.EncodeToString(salt[:]), base64.RawStdEncoding.EncodeToString(hash))
}

// VerifyPassword reports whether the password is the one hashed. It costs what
// the hash asks for, at most 64 MiB and 10 passes: call it off the event loops. A
// hash that is malformed or asks for more is ErrBadHash; a password over
// MaxPasswordSize is false.
func VerifyPassword(hash, password string) (bool, error) {
	h, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	if len(password) > MaxPasswordSize {
		return false, nil
	}
	have := argon2.IDKey([]byte(password), h.salt, h.passes, h.memoryKiB, h.threads, uint32(len(h.hash)))
	return subtle.ConstantTimeCompare(have, h.hash) == 1, nil
}

func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, fmt.Errorf("%w: want $argon2id$v=%d$m=...,t=...,p=...$salt$hash", ErrBadHash, argon2.Version)
	}
	var h phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memoryKiB, &h.passes, &h.threads); err != nil ||
		parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.memoryKiB, h.passes, h.threads) {
		return phc{}, fmt.Errorf("%w: parameters must be m, t and p", ErrBadHash)
	}
	var errSalt, errHash error
	h.salt, errSalt = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.hash, errHash = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errSalt != nil || errHash != nil {
		return phc{}, fmt.Errorf("%w: salt and hash must be base64 without padding", ErrBadHash)
	}
	return h, h.check()
}

// check holds the hash against the bounds.
func (h *phc) check() error {
	switch {
	case h.memoryKiB > maxMemoryKiB:
		return fmt.Errorf("%w: m=%d KiB is over %d", ErrBadHash, h.memoryKiB, maxMemoryKiB)
	case h.passes < 1 || h.passes > maxPasses:
		return fmt.Errorf("%w: t=%d must be 1 to %d", ErrBadHash, h.passes, maxPasses)
	case h.threads < 1 || h.threads > maxThreads:
		return fmt.Errorf("%w: p=%d must be 1 to %d", ErrBadHash, h.threads, maxThreads)
	case h.memoryKiB < 8*uint32(h.threads):
		return fmt.Errorf("%w: m=%d KiB must be at least 8 per thread", ErrBadHash, h.memoryKiB)
	case len(h.salt) < minSalt || len(h.salt) > maxSalt:
		return fmt.Errorf("%w: a salt of %d bytes must be %d to %d", ErrBadHash, len(h.salt), minSalt, maxSalt)
	case len(h.hash) < minHash || len(h.hash) > maxHash:
		return fmt.Errorf("%w: a hash of %d bytes must be %d to %d", ErrBadHash, len(h.hash), minHash, maxHash)
	}
	return nil
}
