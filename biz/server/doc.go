// Package server assembles a complete server for the program and for tests: data folder,
// desk, gateway, chat rooms, simulation and carrier. Its settings are the settings of these
// parts.
//
// Goroutine: any may call Stop and Wait. Limits are those of the parts.
package server
