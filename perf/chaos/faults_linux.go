package chaos

// Faults returns all faults, in the order of the table of promises.
func Faults() []Fault {
	return []Fault{
		// Acknowledged orders.
		killFault(), clusterFault(), clusterNetworkFault(), fixFault(), trimFault(), linearFault(), durableFault(), fsyncFault(), fullFault(),
		// The data folder.
		damageFault(), secondFault(), projectionFault(), backupFault(), removedFault(),
		// Clients and resources.
		slowReaders(), slowloris(), flood(), descriptors(), vanish(), reset(), burst(), storm(), drain(), resume(), lengths(),
		memory(), churn(), guesses(),
	}
}
