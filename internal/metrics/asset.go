package metrics

import "time"

// Stored counts a file of that size, and how long it took until its bytes were on
// the disk or, those of a small one, there to be written down.
func (m *Metrics) Stored(size int64, took time.Duration) {
	m.stage.WithLabelValues(store).Observe(took.Seconds())
	m.bytes.Add(float64(size))
}
