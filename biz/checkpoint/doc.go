// Package checkpoint reads and writes checkpoint files: the complete state of a desk after some
// batch of its journal, so that a start needs only the batches after it.
//
// A file is a Point of the journal and any number of sections, each a key and bytes that this
// package does not look into. Every byte is covered by checksums: a file with a flipped bit or a
// cut anywhere is never used. A file appears under its name when it is complete and on the disk.
// The folder has the two newest files, so that a damaged one costs only a longer start.
//
// Beside it is its Log, a file to which only is appended. The next checkpoint but one appends to the
// same log, so what never changes is written once for each of the two.
//
// The file of batch n is named n, a log m.log. All numbers are little-endian:
//
//	8 bytes   "holdfcp" and the version of the format
//	8 bytes   Point: batch
//	8 bytes   record
//	4 bytes   checksum
//	4 bytes   CRC32C of everything before
//
//	each section:
//	4 bytes   key
//	4 bytes   number of bytes
//	          the bytes
//	4 bytes   CRC32C of the section up to here
//
//	8 bytes   0xff
//	8 bytes   Log: number m
//	8 bytes   size in bytes
//	4 bytes   checksum
//	8 bytes   number of sections
//	8 bytes   Through
//	8 bytes   Time
//	32 bytes  StateHash
//	32 bytes  SHA-256 of everything before
//
// A file of version 1 has no Log. A log is
//
//	8 bytes   "holdlog" and the version of the format
//	8 bytes   number m
//	          sections as above
//
// Goroutine: any, but one Writer or Keep at a time in a folder. Limits: MaxSection bytes in a
// section; memory for the largest section.
package checkpoint
