package report

// FileSystem lets tests pass a table of mounts.
var FileSystem = fileSystem
