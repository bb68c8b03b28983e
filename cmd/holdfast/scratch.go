package main

import (
	"errors"
	"os"
	"slices"
	"sync"
)

// scratch is the temporary folders of a running command. Goroutine: any.
type scratch struct {
	mu      sync.Mutex
	folders []string
}

// add creates a folder. remove removes it.
func (s *scratch) add() (folder string, remove func() error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if folder, err = os.MkdirTemp("", "holdfast-"); err != nil {
		return "", nil, err
	}
	s.folders = append(s.folders, folder)
	return folder, func() error { return s.remove(folder) }, nil
}

func (s *scratch) remove(folder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders = slices.DeleteFunc(s.folders, func(f string) bool { return f == folder })
	return os.RemoveAll(folder)
}

// removalTries bounds how often a folder is removed in which a server still creates files.
const removalTries = 100

// removeAll removes all folders while their servers still run: the process ends next. No
// folder is added after it.
func (s *scratch) removeAll() error {
	s.mu.Lock() // for good
	var errs []error
	for _, folder := range s.folders {
		err := os.RemoveAll(folder)
		for range removalTries {
			if err == nil {
				break
			}
			err = os.RemoveAll(folder)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
