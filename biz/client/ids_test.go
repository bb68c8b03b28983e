package client_test

import (
	"errors"
	"testing"

	"holdfast/biz/client"
)

func TestParseExecutionID(t *testing.T) {
	cases := []struct {
		name string
		text string
		want client.ExecutionID
	}{
		{"usual", "100001-17", client.NewExecutionID(100001, 17)},
		{"largest", "4294967295-4294967295", 1<<64 - 1},
		{"nothing", "", 0},
		{"no number", "100001", 0},
		{"empty number", "100001-", 0},
		{"empty customer", "-17", 0},
		{"number 0", "100001-0", 0},
		{"customer 0", "0-1", 0},
		{"customer too large", "4294967296-1", 0},
		{"number too large", "1-4294967296", 0},
		{"sign", "100001-+17", 0},
		{"two dashes", "100001-1-7", 0},
		{"blank", "100001- 17", 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			id, err := client.ParseExecutionID(tc.text)
			if id != tc.want || errors.Is(err, client.ErrBadID) != (tc.want == 0) {
				t.Errorf("got %d, %v; want %d", id, err, tc.want)
			}
			order, err := client.ParseOrderID(tc.text)
			if order != client.OrderID(tc.want) || errors.Is(err, client.ErrBadID) != (tc.want == 0) {
				t.Errorf("order id: got %d, %v; want %d", order, err, tc.want)
			}
		})
	}
}

func FuzzParseExecutionID(f *testing.F) {
	f.Add("100001-17")
	f.Add("1--1")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := client.ParseExecutionID(text)
		if err != nil {
			return
		}
		again, err := client.ParseExecutionID(id.String())
		if err != nil || again != id || id.Customer() == 0 || id.Number() == 0 {
			t.Fatalf("%q became %s, then %s, %v", text, id, again, err)
		}
	})
}

func TestNewClientOrderIDs(t *testing.T) {
	a, b := client.NewClientOrderID(), client.NewClientOrderID()
	if a == b || len(a) > 36 || len(a) < 20 {
		t.Errorf("%q and %q", a, b)
	}
}
