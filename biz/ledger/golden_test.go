package ledger_test

// What TestStateBytes expects.
const (
	goldenState = "01" + "a18d06" + "02" + "01" + "03737cf96a05dba9" + "d00f" + "00" + // customer to realised
		"01" + "07" + "01" + "03" + "0a" + "00" + // one position
		"01" + "01" + "02" + "0000000000000002" + "04" + "74657374" + // one busted execution
		"02" + // two recent events
		"11a18d0601010100000000000000014207010503020704010012" +
		"a18d06020101000000000000000200000000000000013207010503030a00010000" +
		"107f5ec1" // checksum
	goldenHash = "811f9064df002425b154a8a6d960befe8fc3a175a58a4bbebcef9c75d8439dec"
)
