package fix

// Reason is a SessionRejectReason (373).
type Reason int

// The reasons of FIX 4.4.
const (
	InvalidTag           Reason = 0
	RequiredTagMissing   Reason = 1
	TagNotDefinedForType Reason = 2
	UndefinedTag         Reason = 3
	TagWithoutValue      Reason = 4
	ValueIncorrect       Reason = 5
	IncorrectFormat      Reason = 6
	DecryptionProblem    Reason = 7
	SignatureProblem     Reason = 8
	CompIDProblem        Reason = 9
	SendingTimeAccuracy  Reason = 10
	InvalidMsgType       Reason = 11
	XMLValidationError   Reason = 12
	TagRepeated          Reason = 13
	TagOutOfOrder        Reason = 14
	GroupOutOfOrder      Reason = 15
	GroupCountIncorrect  Reason = 16
	DelimiterInValue     Reason = 17
)

// String returns the words that FIX engines use in Text (58), empty for another reason.
func (r Reason) String() string {
	texts := [...]string{
		InvalidTag:           "Invalid tag number",
		RequiredTagMissing:   "Required tag missing",
		TagNotDefinedForType: "Tag not defined for this message type",
		UndefinedTag:         "Undefined Tag",
		TagWithoutValue:      "Tag specified without a value",
		ValueIncorrect:       "Value is incorrect (out of range) for this tag",
		IncorrectFormat:      "Incorrect data format for value",
		DecryptionProblem:    "Decryption problem",
		SignatureProblem:     "Signature problem",
		CompIDProblem:        "CompID problem",
		SendingTimeAccuracy:  "SendingTime accuracy problem",
		InvalidMsgType:       "Invalid MsgType",
		XMLValidationError:   "XML validation error",
		TagRepeated:          "Tag appears more than once",
		TagOutOfOrder:        "Tag specified out of required order",
		GroupOutOfOrder:      "Repeating group fields out of order",
		GroupCountIncorrect:  "Incorrect NumInGroup count for repeating group",
		DelimiterInValue:     "Non-data value includes field delimiter",
	}
	if r < 0 || int(r) >= len(texts) {
		return ""
	}
	return texts[r]
}
