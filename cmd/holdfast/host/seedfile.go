package host

import (
	"errors"
	"fmt"

	"holdfast/biz/jsonfile"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
)

// LoadSeed reads the seed file at path, or the demo seed if path is empty. Its error is a
// *config.Error: a setting or a flag names the wrong file, or the file is wrong.
func LoadSeed(path string) (*seed.Seed, error) {
	if path == "" {
		return seed.Default()
	}
	s, err := seed.Load(path)
	if err != nil {
		return nil, SeedError(path, err)
	}
	return s, nil
}

// SeedError returns the error of LoadSeed for one of seed.Load or seed.Parse.
func SeedError(path string, err error) error {
	var wrong *jsonfile.Error
	switch {
	case errors.As(err, &wrong):
		return &config.Error{Origin: fmt.Sprintf("%s:%d", wrong.File, wrong.Line), Problem: wrong.Problem}
	case errors.Is(err, seed.ErrTooLarge):
		return &config.Error{Origin: path, Problem: fmt.Sprintf("is longer than %d bytes", seed.MaxFileSize)}
	}
	return config.Unreadable(path, err)
}
