package client_test

import (
	"math"
	"testing"

	"holdfast/biz/client"
)

func TestMoneyText(t *testing.T) {
	cases := []struct {
		name  string
		money client.Money
		want  string
	}{
		{"nothing", 0, "0.00"},
		{"smallest", 1, "0.0001"},
		{"smallest loss", -1, "-0.0001"},
		{"two decimals", 10_1200, "10.12"},
		{"four decimals", 10_1203, "10.1203"},
		{"zero in the middle", 10_0200, "10.02"},
		{"just below a thousand", 999_9900, "999.99"},
		{"thousand", 1_000_0000, "1,000.00"},
		{"million and a bit", -1_234_567_8910, "-1,234,567.8910"},
		{"largest", math.MaxInt64, "922,337,203,685,477.5807"},
		{"smallest integer", math.MinInt64, "-922,337,203,685,477.5808"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.money.String(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if got := client.Price(tc.money).String(); got != tc.want {
				t.Errorf("price: got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestQuantityText(t *testing.T) {
	for q, want := range map[client.Quantity]string{
		0: "0", 7: "7", 100: "100", 1000: "1,000", -12345: "-12,345", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := q.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestValue(t *testing.T) {
	if got := client.Value(200, 10_0000); got != 2_000_0000 {
		t.Errorf("200 shares at 10.00 are %s", got)
	}
}

func TestEnumTexts(t *testing.T) {
	for got, want := range map[string]string{
		client.Buy.String():                     "buy",
		client.Sell.String():                    "sell",
		client.Side(9).String():                 "?",
		client.Opened.String():                  "opened",
		client.Repriced.String():                "repriced",
		client.Change(-1).String() + "change":   "?change",
		client.Change(6).String() + "six":       "?six",
		client.NoticeShuttingDown.String():      "SHUTTING_DOWN",
		client.NoticeCode(99).String():          "NoticeCode(99)",
		client.NoticeCode(-1).String():          "NoticeCode(-1)",
		client.ReasonNotEnoughShares.String():   "NOT_ENOUGH_SHARES",
		client.ReasonTooManyPositions.String():  "TOO_MANY_POSITIONS",
		client.Key{"ALFA", "600100"}.String():   "ALFA/600100",
		client.DecimalRequestID(17).String():    "00000017",
		client.DecimalRequestID(1e8).String():   "00000000",
		client.RequestID(5).String():            "5",
		client.OrderID(100001<<32 | 3).String(): "100001-3",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
