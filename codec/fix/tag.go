package fix

// Tags of FIX 4.4 that the code names. The dictionary has all.
const (
	BeginStringTag  = 8
	BodyLength      = 9
	CheckSum        = 10
	MsgSeqNum       = 34
	MsgType         = 35
	SenderCompID    = 49
	SendingTime     = 52
	TargetCompID    = 56
	PossDupFlag     = 43
	PossResend      = 97
	OrigSendingTime = 122
)

// dataTags has the tag of the data field that must follow a length, by the tag of the length. In
// these fields SOH may be part of the value.
var dataTags = [maxTags]uint16{
	90: 91, 93: 89, 95: 96, 212: 213, 348: 349, 350: 351, 352: 353, 354: 355, 356: 357, 358: 359,
	360: 361, 362: 363, 364: 365, 445: 446, 618: 619, 621: 622,
}

// Tags of the bodies of orders and reports.
const (
	AvgPx            = 6
	ClOrdID          = 11
	CumQty           = 14
	ExecID           = 17
	ExecRefID        = 19
	LastPx           = 31
	LastQty          = 32
	OrderID          = 37
	OrderQty         = 38
	OrdStatus        = 39
	OrdType          = 40
	OrigClOrdID      = 41
	Price            = 44
	SenderSubID      = 50
	Side             = 54
	Symbol           = 55
	Text             = 58
	TimeInForce      = 59
	TransactTime     = 60
	StopPx           = 99
	CxlRejReason     = 102
	OrdRejReason     = 103
	ExpireTime       = 126
	ExecType         = 150
	LeavesQty        = 151
	SecurityExchange = 207
	ExecRestatement  = 378
	MassCancelType   = 530
	MassCancelResult = 531
	MassCancelReason = 532
	TotalAffected    = 533
	CxlRejResponseTo = 434
	Username         = 553
	Password         = 554
)

// Types of message (35).
const (
	Logon              = "A"
	NewOrderSingle     = "D"
	OrderCancelRequest = "F"
	OrderCancelReplace = "G"
	OrderStatusRequest = "H"
	SecurityDefinition = "d"
	ExecutionReport    = "8"
	OrderCancelReject  = "9"

	OrderMassCancel       = "q"
	OrderMassCancelReport = "r"
)
