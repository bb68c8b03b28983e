package seed

import "errors"

var (
	// ErrTooLarge means a file over MaxFileSize.
	ErrTooLarge = errors.New("seed: file is too large")
	// ErrBadHash means a password hash that VerifyPassword doesn't accept.
	ErrBadHash = errors.New("seed: not an acceptable argon2id hash")
	// ErrBadOptions means options that Generate can't meet.
	ErrBadOptions = errors.New("seed: bad options")
	// ErrMissing means that a seed file lacks something that a data folder needs.
	ErrMissing = errors.New("is missing from the seed file")
	// ErrUnknownCustomer means that a seed file lacks a customer who is to be changed.
	ErrUnknownCustomer = errors.New("the seed file has no such customer")
	// ErrDoubleCustomer means that a seed file has a customer who is to be added.
	ErrDoubleCustomer = errors.New("the seed file has this customer already")
	// ErrBadTokens means a token file with a wrong line.
	ErrBadTokens = errors.New("seed: bad token file")
)
