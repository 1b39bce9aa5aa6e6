package metrics

import (
	"context"
	"io"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/blob"
)

// Blobs is s, with what is stored counted and timed.
func (m *Metrics) Blobs(s blob.Store, now func() time.Time) blob.Store {
	return &timedBlobs{Store: s, m: m, now: now}
}

type timedBlobs struct {
	blob.Store
	m   *Metrics
	now func() time.Time
}

func (s *timedBlobs) Put(ctx context.Context, content io.Reader) (settee.Blob, error) {
	began := s.now()
	b, err := s.Store.Put(ctx, content)
	if err == nil {
		s.m.stage.WithLabelValues(store).Observe(s.now().Sub(began).Seconds())
		s.m.bytes.Add(float64(b.Size))
	}
	return b, err
}
