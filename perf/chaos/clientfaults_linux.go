package chaos

// clientFaults are the faults of clients, then those of what the server lives on.
func clientFaults() []Fault {
	return []Fault{
		slowReaders(), slowloris(), flood(), descriptors(), vanish(), reset(), burst(), storm(), drain(), lengths(), memory(), churn(), guesses(),
	}
}
