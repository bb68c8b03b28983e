package ledger

import (
	"reflect"
	"testing"
)

// An event is simple only if its order is exactly SimpleOrder.
func TestSimple(t *testing.T) {
	x := Execution{
		ID: NewExecutionID(7, 3), Order: NewOrderID(7, 4), Time: 5, Quantity: 10, Price: 20, Instrument: 2, Side: Buy,
		ClientOrderID: ClientOrderID{'a'},
	}
	e := Event{Kind: KindFill, Time: 5, Order: SimpleOrder(&x), Execution: x}
	if !e.simple() {
		t.Fatalf("%+v", e)
	}
	for i := range reflect.TypeFor[Order]().NumField() {
		other := e
		switch field := reflect.ValueOf(&other.Order).Elem().Field(i); field.Kind() {
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.Int64:
			field.SetInt(field.Int() + 1)
		case reflect.Array:
			field.Index(0).SetUint('b')
		default:
			field.SetUint(field.Uint() + 1)
		}
		if other.simple() {
			t.Errorf("field %d differs", i)
		}
	}
	for what, change := range map[string]func(*Event){
		"it has a cause":     func(e *Event) { e.Cause = ByBust },
		"it is early":        func(e *Event) { e.Early = true },
		"it is a bust":       func(e *Event) { e.Kind = KindBust },
		"it was filled late": func(e *Event) { e.Execution.Time++ },
	} {
		other := e
		if change(&other); other.simple() {
			t.Error(what)
		}
	}
}
