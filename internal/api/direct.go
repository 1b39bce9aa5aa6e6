package api

import (
	"net"
	"net/http"
)

// Direct reports whether a request comes from this machine itself: from a
// loopback address, to a loopback name, and not on behalf of somebody whom a
// proxy serves.
func (r *Router) Direct(q *http.Request) bool {
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || !r.local(q.Host) {
		return false
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if q.Header.Get(h) != "" {
			return false
		}
	}
	return true
}
