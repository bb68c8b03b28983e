// Package report keeps what was measured in a folder that people can read: raw
// figures as JSON, tables as text, charts as SVG, and a README.md that holds them
// together and says on which machine and with which command each was made.
//
// The folder is the only state: the page is made again from the files that are
// there, so a part can be measured again, and what a stopped run has saved stays
// readable. Nothing that is written names a host, a user or a path.
//
// The package measures nothing itself. Goroutine: any, one at a time for a folder.
package report
