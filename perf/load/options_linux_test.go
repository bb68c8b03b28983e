package load_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/perf/load"
)

func TestRunRefusesOptions(t *testing.T) {
	good := load.Options{Addr: "127.0.0.1:1"}
	cases := []struct {
		name   string
		change func(o *load.Options)
		says   string
	}{
		{"no address", func(o *load.Options) { o.Addr = "" }, "Addr"},
		{"connections", func(o *load.Options) { o.Connections = -1 }, "Connections"},
		{"depth", func(o *load.Options) { o.Depth = 1 << 20 }, "Depth"},
		{"rate", func(o *load.Options) { o.Rate = -1 }, "Rate"},
		{"sources", func(o *load.Options) { o.Sources = 1 << 20 }, "Sources"},
		{"sources elsewhere", func(o *load.Options) { o.Addr = "192.0.2.1:1"; o.Sources = 2 }, "Sources"},
		{"duration", func(o *load.Options) { o.Duration = -1 }, "Duration"},
		{"interval", func(o *load.Options) { o.Interval.Min = time.Second }, "Interval"},
		{"interval in a chat", func(o *load.Options) { o.Workload, o.Accounts, o.Interval.Max = load.Chat, make([]load.Account, 1), 1 }, "chat has no Interval"},
		{"rate of sessions that wait", func(o *load.Options) { o.Workload, o.Rate = load.Idle, 1 }, "idle has neither"},
		{"rate and interval", func(o *load.Options) { o.Rate = 1; o.Interval.Max = 1 }, "Rate and Interval"},
		{"workload", func(o *load.Options) { o.Workload = "dance" }, "dance"},
		{"positions without accounts", func(o *load.Options) { *o = ordersTo(*o); o.Workload, o.Accounts = load.Positions, nil }, "positions needs Accounts"},
		{"resting without prices", func(o *load.Options) { *o = ordersTo(*o); o.Workload = load.Resting }, "resting needs as many RestPrices"},
		{"push without instruments", func(o *load.Options) { *o = ordersTo(*o); o.Workload, o.Instruments = load.Push, nil }, "push needs Instruments"},
		{"sessions of an account", func(o *load.Options) { o.SessionsPerAccount = -1 }, "SessionsPerAccount"},
		{"orders without accounts", func(o *load.Options) { *o = ordersTo(*o); o.Accounts = nil }, "Accounts"},
		{"orders without instruments", func(o *load.Options) { *o = ordersTo(*o); o.Instruments = nil }, "Instruments"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.change(&o)
			_, err := load.Run(t.Context(), o)
			if !errors.Is(err, load.ErrOptions) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want ErrOptions with %q", err, c.says)
			}
		})
	}
}

func TestSharedAccounts(t *testing.T) {
	for _, c := range []struct {
		workload              load.Workload
		connections, accounts int
		want                  string
	}{
		{load.Orders, 100, 100, ""},
		{load.Orders, 300, 100, "300 connections share 100 accounts: each order is pushed to 3 sessions"},
		{load.Orders, 1001, 1, "1,001 connections share 1 account: each order is pushed to 1,001 sessions"},
		{load.Orders, 101, 100, "101 connections share 100 accounts: each order is pushed to up to 2 sessions"},
		{load.Push, 1000, 100, ""},
		{load.Push, 2000, 100, "2,000 connections share 100 accounts: each order is pushed to 20 sessions"},
		{load.Positions, 300, 100, "300 connections share 100 accounts"},
		{load.Submit, 300, 0, ""},
	} {
		o := load.Options{Workload: c.workload, Connections: c.connections, Accounts: make([]load.Account, c.accounts)}
		if got := load.SharedAccounts(o); got != c.want {
			t.Errorf("%s: got %q, want %q", c.workload, got, c.want)
		}
	}
}
