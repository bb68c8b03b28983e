package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"holdfast/biz/client"
)

// The formats.
const (
	CSV     = "csv"
	JSONL   = "jsonl"
	Parquet = "parquet"
)

// Formats returns all formats.
func Formats() []string { return []string{CSV, JSONL, Parquet} }

const (
	// rowGroup is how many rows a row group of a Parquet file has at most; a Writer has them in
	// memory.
	rowGroup = 100_000
	// pageBytes is the size of a page of a column in it.
	pageBytes = 64 << 10
	// batchRows is how many rows are encoded as Parquet at once.
	batchRows = 500
)

// Writer writes rows of one kind in a format.
type Writer[R any] interface {
	Write(row *R) error
	// Close writes what is left, and the end of the file. It does not close the file.
	Close() error
}

// Position is a position of a customer.
type Position struct {
	Customer client.Customer
	client.Position
}

// NewExecutions returns a writer for executions; format is one of Formats.
func NewExecutions(format string, w io.Writer) (Writer[client.Execution], error) {
	return newWriter(format, w, executionColumns, appendExecution, executionRowOf, func(x *client.Execution) any { return x })
}

// NewOrders returns a writer for orders; format is one of Formats.
func NewOrders(format string, w io.Writer) (Writer[client.OrderState], error) {
	return newWriter(format, w, orderColumns, appendOrder, orderRowOf, func(o *client.OrderState) any { return o })
}

// NewPositions returns a writer for positions; format is one of Formats. A line of JSON also has the
// customer.
func NewPositions(format string, w io.Writer) (Writer[Position], error) {
	return newWriter(format, w, positionColumns, appendPosition, positionRowOf, positionOf)
}

func newWriter[R, P any](format string, w io.Writer, columns []string, fields func([]string, *R) []string, row func(*R) P, object func(*R) any) (Writer[R], error) {
	switch format {
	case CSV:
		c := &csvWriter[R]{w: csv.NewWriter(w), fields: fields}
		c.w.UseCRLF = true // RFC 4180
		return c, c.w.Write(columns)
	case JSONL:
		buffered := bufio.NewWriterSize(w, 1<<16)
		lines := json.NewEncoder(buffered)
		lines.SetEscapeHTML(false)
		return &jsonWriter[R]{buffered, lines, object}, nil
	case Parquet:
		return &parquetWriter[R, P]{
			w:   parquet.NewGenericWriter[P](w, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowGroup), parquet.PageBufferSize(pageBytes)),
			row: row,
		}, nil
	}
	return nil, fmt.Errorf("export: unknown format %q", format)
}

type csvWriter[R any] struct {
	w      *csv.Writer
	fields func([]string, *R) []string
	record []string // the last one
}

// Write implements Writer.
func (c *csvWriter[R]) Write(row *R) error {
	c.record = c.fields(c.record[:0], row)
	return c.w.Write(c.record)
}

// Close implements Writer.
func (c *csvWriter[R]) Close() error {
	c.w.Flush()
	return c.w.Error()
}

type jsonWriter[R any] struct {
	w      *bufio.Writer
	lines  *json.Encoder
	object func(*R) any
}

// Write implements Writer.
func (j *jsonWriter[R]) Write(row *R) error { return j.lines.Encode(j.object(row)) }

// Close implements Writer.
func (j *jsonWriter[R]) Close() error { return j.w.Flush() }

type parquetWriter[R, P any] struct {
	w     *parquet.GenericWriter[P]
	row   func(*R) P
	batch []P // rows that w has not got
}

// Write implements Writer.
func (p *parquetWriter[R, P]) Write(row *R) error {
	if p.batch = append(p.batch, p.row(row)); len(p.batch) < batchRows {
		return nil
	}
	return p.flush()
}

func (p *parquetWriter[R, P]) flush() error {
	_, err := p.w.Write(p.batch)
	p.batch = p.batch[:0]
	return err
}

// Close implements Writer.
func (p *parquetWriter[R, P]) Close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.w.Close()
}
