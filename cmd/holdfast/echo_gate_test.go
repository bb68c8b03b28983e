//go:build gate

package main_test

import "testing"

// TestGateServerConforms: the server passes all cases of the suite.
func TestGateServerConforms(t *testing.T) {
	conforms(t, "", "301 cases: 301 passed\n")
}
