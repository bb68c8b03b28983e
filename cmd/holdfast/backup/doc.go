// Package backup copies a data folder, also while a server writes to it, checks such copies and
// restores them.
//
// A backup is a folder with "manifest.json" and a data folder: the journal, its checkpoints, and the
// history if the journal was trimmed. Otherwise a server rebuilds the history from the journal. It
// has every order that was acknowledged before the backup began, and everything that a start
// needs. It is written under another name and renamed when it is complete and on the disk, so a
// folder with a manifest is a complete backup. The manifest has the SHA-256 of each file.
//
// The checkpoints and the history are copied before the journal, so that they are never ahead of
// it; the server does not trim the journal meanwhile, so that they are never too old for it.
//
// It never changes the data folder that it copies, and never writes into one that is in use.
// Goroutine: any. Limits: the journal must be on this machine. A history in PostgreSQL is not
// copied; Manifest.ExternalHistory says when a start needs it.
package backup
