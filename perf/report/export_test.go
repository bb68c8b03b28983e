package report

// FileSystem lets the tests use a table of mounts of their own.
var FileSystem = fileSystem
