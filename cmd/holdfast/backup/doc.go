// Package backup copies the journal of a data folder, also while a server writes to it,
// checks such copies and restores them.
//
// A backup is a folder with "manifest.json" and a data folder without its history, which a
// server rebuilds from the journal. It has every order that was acknowledged before the
// backup began. It is written under another name and renamed when it is complete and on the
// disk, so a folder with a manifest is a complete backup. The manifest has the SHA-256 of
// each file.
//
// It never changes the data folder that it copies, and never writes into one that is in use.
// Goroutine: any. Limits: the journal must be on this machine.
package backup
