package main_test

import (
	"testing"

	main "holdfast/cmd/holdfast"
)

func TestProgressBar(t *testing.T) {
	cases := []struct {
		name  string
		total int
		done  []int
		want  string
	}{
		{"nothing done", 10, nil, ""},
		{"half and whole", 10, []int{5, 10}, "\r[###############               ]  50 % of 10 customers\r[##############################] 100 % of 10 customers\n"},
		{"no change, no line", 100000, []int{1, 2, 3}, "\r[                              ]   0 % of 100000 customers\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := main.DrawProgress(tc.total, tc.done...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
