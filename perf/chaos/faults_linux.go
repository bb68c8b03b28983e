package chaos

import "slices"

// Faults lists all, in the order of the table of promises.
func Faults() []Fault {
	return slices.Concat(durabilityFaults(), folderFaults(), clientFaults())
}
