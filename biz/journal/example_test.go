package journal_test

import (
	"context"
	"fmt"
	"os"

	"holdfast/biz/journal"
)

// Answers are what clients are told once their records are durable.
type Answers struct{ texts []string }

func (a *Answers) Release() {
	for _, text := range a.texts {
		fmt.Println(text)
	}
	a.texts = a.texts[:0]
}

func (a *Answers) Abandon() { a.texts = a.texts[:0] }

// Size is not bounded here.
func (a *Answers) SizeBytes() int { return 0 }

func Example() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	c := journal.NewCommitter(j, func() *Answers { return new(Answers) }, journal.CommitterOptions{})

	g := c.Begin()
	if c.Failed() == nil && c.Accepts() {
		g.Record([]byte("bought 100"))
		answers := g.Held()
		answers.texts = append(answers.texts, "you have 100")
	}
	c.End()
	if err := c.Close(ctx); err != nil {
		panic(err)
	}

	err = j.Replay(ctx, 1, func(at journal.Position, record []byte) error {
		fmt.Printf("batch %d, record %d: %s\n", at.Batch, at.Record, record)
		return nil
	})
	if err != nil {
		panic(err)
	}
	if err := j.Close(ctx); err != nil {
		panic(err)
	}
	// Output:
	// you have 100
	// batch 1, record 1: bought 100
}
