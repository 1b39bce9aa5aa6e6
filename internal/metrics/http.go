package metrics

import (
	"strconv"
	"time"
)

// methods that are told apart; a client may send any word.
var methods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true}

// Served counts a request. path is the pattern it was routed by, never what the
// client wrote; status 0 is a connection that was taken over, as 101.
func (m *Metrics) Served(method, path string, status int, took time.Duration) {
	if !methods[method] {
		method = "other"
	}
	class := "1xx"
	if status >= 200 {
		class = strconv.Itoa(status/100) + "xx"
	}
	m.requests.WithLabelValues(method, path, class).Inc()
	m.served.WithLabelValues(method, path).Observe(took.Seconds())
}
