// Package config holds the settings of "holdfast serve".
//
// Every setting has a default. One JSON file overrides the defaults, environment
// variables override the file, and flags override both. A setting remembers
// where its value came from, so that a mistake, found now or later (a port in
// use), can be named where the user made it.
//
// One table, [Config.settings], says for each setting its key in the file, its
// flag, its limits and its field; the variable's name follows from the key. A
// mistake is reported as one line, an [Error]:
//
//	serve.json:7: unknown key "lisen" (did you mean "listen"?)
//
// The package reads the one file it is told to read and nothing else: the
// environment and the flags are handed in.
package config
