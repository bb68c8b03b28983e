// Package terminal is the client for people at a terminal: it reads commands, shows the
// account, and shows pushes above the line that is being typed. Without a terminal it
// reads commands from a stream, one per line.
//
// [Run] runs one client from login to end, [Chat] a chat on a chat listener. Both can write
// JSON for programs in place of text. [Watch] shows an account on the whole terminal: its tape has
// at most client.MaxShown executions, and pushes between two frames cost no drawing. For other
// commands the package also has tables, styles and a prompt for a password.
//
// Text of others is escaped, so that it can't forge lines or control the terminal.
//
// Goroutine: any, one at a time for a terminal. Limit: a line of a stream has at most
// 64 KiB.
package terminal
