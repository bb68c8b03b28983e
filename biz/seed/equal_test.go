package seed_test

import (
	"reflect"
	"testing"
)

func equal[T any](t *testing.T, have, want T) {
	t.Helper()
	if !reflect.DeepEqual(have, want) {
		t.Fatalf("have %+v\nwant %+v", have, want)
	}
}
