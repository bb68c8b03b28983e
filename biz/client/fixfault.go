package client

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/codec/pb"
)

// FIXFault is how a FIX session misbehaves, as in pb.FixFault.
type FIXFault int32

// The faults that matter to a caller by themselves. ParseFIXFault knows all.
const (
	FIXNone       FIXFault = 0 // ends all others
	FIXDelay      FIXFault = 2
	FIXLogout     FIXFault = 11
	FIXDisconnect FIXFault = 12
)

const faultPrefix = "FIX_FAULT_"

// String returns the fault as ParseFIXFault reads it.
func (f FIXFault) String() string {
	if f == FIXNone {
		return "none"
	}
	return strings.ToLower(strings.TrimPrefix(pb.FixFault(f).String(), faultPrefix))
}

// AtOnce reports whether the fault happens at once, not to the next messages.
func (f FIXFault) AtOnce() bool { return f == FIXNone || f == FIXLogout || f == FIXDisconnect }

// FIXFaults returns all faults.
func FIXFaults() (all []FIXFault) {
	for _, n := range slices.Sorted(maps.Keys(pb.FixFault_name)) {
		all = append(all, FIXFault(n))
	}
	return all
}

// ParseFIXFault reads the name of a fault, such as drop or check_sum.
func ParseFIXFault(text string) (FIXFault, error) {
	var names []string
	for _, f := range FIXFaults() {
		if f.String() == text {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, fmt.Errorf("fault wants one of %s, got %q", strings.Join(names, ", "), text)
}
