// Package config holds the settings of "holdfast serve".
//
// Every setting has a default. One JSON file overrides the defaults, environment
// variables override the file, and flags override both. Each setting records where
// its value came from, so that an error, now or later (a port in use), names the
// place that the user has to change.
//
// One table, [Config.settings], lists the key in the file, the flag, the limits and
// the field of each setting; the variable's name follows from the key. A mistake is
// reported as one line, an [Error]:
//
//	serve.json:7: unknown key "lisen" (did you mean "listen"?)
//
// The package reads only this one file. The caller passes the environment and the
// flags.
package config
