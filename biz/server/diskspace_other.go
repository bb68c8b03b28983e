//go:build !linux && !darwin

package server

import "errors"

func freeSpace(string) (bytes uint64, err error) {
	return 0, errors.New("free disk space is unknown on this system")
}
