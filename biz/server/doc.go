// Package server wires a whole server: data folder, desk, gateway, simulation and the
// reactor, in one place for the program and for tests. Its settings are those of
// its parts.
//
// Goroutine: any may call Stop and Wait. Limits are those of the parts.
package server
