package chaos

// durabilityFaults are those of what is acknowledged.
func durabilityFaults() []Fault {
	return []Fault{
		killFault(),
		linearFault(),
		durableFault(),
		fsyncFault(),
		fullFault(),
	}
}
