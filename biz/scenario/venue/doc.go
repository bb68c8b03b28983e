// Package venue starts the servers of scenarios that need one for themselves, inside the program.
//
// Goroutine: any, concurrently. Limits: those of the servers; each listens on a free port of the
// loopback interface, and its data is in a new folder that is removed when it stops.
package venue
