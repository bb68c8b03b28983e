package fix

// Tags of the bodies of queries and their answers.
const (
	Account               = 1
	Commission            = 12
	CommType              = 13
	TradeDate             = 75
	SecurityDesc          = 107
	NoRelatedSym          = 146
	MDReqID               = 262
	SubscriptionRequest   = 263
	MarketDepth           = 264
	MDUpdateType          = 265
	NoMDEntries           = 268
	MDEntryType           = 269
	MDEntryPx             = 270
	MDEntrySize           = 271
	MDEntryDate           = 272
	MDEntryTime           = 273
	QuoteCondition        = 276
	MDUpdateAction        = 279
	MDReqRejReason        = 281
	SecurityReqID         = 320
	SecurityResponseID    = 322
	Unsolicited           = 325
	TotNoRelatedSym       = 393
	PartyIDSource         = 447
	PartyID               = 448
	PartyRole             = 452
	NoPartyIDs            = 453
	TradeReportTransType  = 487
	NoSides               = 552
	SecurityListType      = 559
	SecurityRequestResult = 560
	RoundLot              = 561
	MinTradeVol           = 562
	TradeRequestID        = 568
	TradeRequestType      = 569
	PreviouslyReported    = 570
	TradeReportID         = 571
	TradeReportRefID      = 572
	AccountType           = 581
	MassStatusReqID       = 584
	MassStatusReqType     = 585
	NoPositions           = 702
	PosType               = 703
	LongQty               = 704
	ShortQty              = 705
	PosAmtType            = 707
	PosAmt                = 708
	PosReqID              = 710
	ClearingBusinessDate  = 715
	PosMaintRptID         = 721
	PosReqType            = 724
	TotalNumPosReports    = 727
	PosReqResult          = 728
	PosReqStatus          = 729
	SettlPrice            = 730
	SettlPriceType        = 731
	PriorSettlPrice       = 734
	TotNumTradeReports    = 748
	TradeRequestResult    = 749
	TradeRequestStatus    = 750
	NoPosAmt              = 753
	NoInstrAttrib         = 870
	InstrAttribType       = 871
	InstrAttribValue      = 872
	LastFragment          = 893
	TotNumReports         = 911
	LastRptRequested      = 912
)

// Types of queries and their answers (35).
const (
	OrderMassStatusRequest    = "AF"
	RequestForPositions       = "AN"
	RequestForPositionsAck    = "AO"
	PositionReport            = "AP"
	MarketDataRequest         = "V"
	MarketDataSnapshot        = "W"
	MarketDataIncremental     = "X"
	MarketDataReject          = "Y"
	SecurityListRequest       = "x"
	SecurityList              = "y"
	TradeCaptureReportRequest = "AD"
	TradeCaptureReport        = "AE"
	TradeCaptureRequestAck    = "AQ"
)
