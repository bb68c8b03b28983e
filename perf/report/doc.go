// Package report saves results in a folder for human readers: raw figures as JSON, tables
// as text, charts as SVG, and a README.md that shows them all and says on which machine
// and with which command each was made.
//
// The folder is the only state: README.md is rebuilt from the files in it. So a part can
// be measured again, and the results of a stopped run stay readable. No file names a
// host, a user or a path.
//
// The package measures nothing itself. Goroutine: any, one at a time for a folder.
package report
