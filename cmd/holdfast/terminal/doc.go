// Package terminal is the client for people at a terminal: it reads commands, shows the
// account, and shows pushes above the line that is being typed. Without a terminal it
// reads commands from a stream, one per line.
//
// [Run] runs one client from login to end. For other commands the package also has
// tables, styles and a prompt for a password.
//
// Goroutine: any, one at a time for a terminal. Limit: a line of a stream has at most
// 64 KiB.
package terminal
