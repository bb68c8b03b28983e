package simulation

import "container/heap"

// agenda is what is to be done at which time, the earliest first; at the same time, in the
// order in which it was added. Goroutine: one at a time.
type agenda struct {
	tasks []task
	added uint64
}

type task struct {
	at       int64
	sequence uint64
	do       func()
}

func (a *agenda) add(at int64, do func()) {
	a.added++
	heap.Push((*taskHeap)(&a.tasks), task{at, a.added, do})
}

// next returns when the next task is due; ok is false without tasks.
func (a *agenda) next() (at int64, ok bool) {
	if len(a.tasks) == 0 {
		return 0, false
	}
	return a.tasks[0].at, true
}

func (a *agenda) take() func() { return heap.Pop((*taskHeap)(&a.tasks)).(task).do }

type taskHeap []task

func (h taskHeap) Len() int { return len(h) }
func (h taskHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].sequence < h[j].sequence
}
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(x any)   { *h = append(*h, x.(task)) }
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = task{}
	*h = (*h)[:last]
	return t
}
