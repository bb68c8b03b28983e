package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
	"holdfast/codec/pb"
)

// TestFIXPage: docs/fix.md has every reason of a reject, and what each refusal becomes.
func TestFIXPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "fix.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for r := codecfix.Reason(0); r.String() != ""; r++ {
		rows = append(rows, fmt.Sprintf("| %d | %s |", r, r))
	}
	for n := range int32(len(pb.Reason_name)) {
		reason := pb.Reason(n)
		if reason == pb.Reason_REASON_UNSPECIFIED {
			continue
		}
		refusal := ledger.Refusal(reason)
		order, cancel, text := refusedBy(refusal)
		rows = append(rows, fmt.Sprintf("| %s | %s | %d | %d |", strings.TrimPrefix(reason.String(), "REASON_"), text, order, cancel))
	}
	for _, row := range rows {
		if !strings.Contains(string(page), row+"\n") {
			t.Errorf("the page lacks the row\n%s", row)
		}
	}
}
