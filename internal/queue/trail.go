package queue

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// Trail is a job and the durable events it has told so far.
type Trail struct {
	settee.Job
	Notes []record.Note
}

// Trails answers, without their graphs, the jobs that had started and ended
// since then (in the order they ended) and after them those that run (in the
// order they started), in one snapshot: what late listeners are told.
func (s *Service) Trails(ctx context.Context, accountID string, since time.Time) ([]Trail, error) {
	shown := s.unwritten(accountID)
	trails, err := s.store.JobTrails(ctx, accountID, since)
	for i := range trails {
		if t := &trails[i]; t.State == settee.InProgress {
			t.Notes = shown[t.ID].after(t.Attempt, t.Notes)
		}
	}
	return trails, err
}

// after is what an attempt has told: what is written and what was shown.
func (s *shown) after(attempt int, written []record.Note) []record.Note {
	if s == nil || s.attempt != attempt {
		return written
	}
	newest := 0
	if n := len(written); n > 0 {
		newest = written[n-1].Seq
	}
	for _, n := range s.notes {
		if n.Seq > newest {
			written = append(written, n)
		}
	}
	return written
}
