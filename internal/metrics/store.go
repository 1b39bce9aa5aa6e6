package metrics

import "time"

// Committed counts a transaction of so many units, from its beginning until it
// was on the disk, or failed.
func (m *Metrics) Committed(units int, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.commits.WithLabelValues(result).Observe(took.Seconds())
	m.batch.Observe(float64(units))
}
