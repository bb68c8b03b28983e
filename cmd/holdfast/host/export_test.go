package host

// Names that the tests use.
var (
	LimitsOf   = limitsOf
	OnLoopback = onLoopback
)
