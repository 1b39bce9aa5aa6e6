package api

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/settee/settee"
)

// localOnly refuses requests that reached an open server under a name that is
// not this machine's (DNS rebinding), and those that another site's page makes.
func (r *Router) localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !r.local(q.Host) {
			Fail(w, q, settee.Faultf(settee.CodeForbidden, "This server does not answer to that host name."))
			return
		}
		if origin := q.Header.Get("Origin"); origin != "" && !sameHost(origin, q.Host) {
			Fail(w, q, settee.Faultf(settee.CodeForbidden, "Pages of other origins may not use this server."))
			return
		}
		next.ServeHTTP(w, q)
	})
}

// local reports whether host (with or without a port) is a loopback address, a
// name of it, or one of the names this server answers to.
func (r *Router) local(host string) bool {
	name, _ := splitPort(host)
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		slices.ContainsFunc(r.deps.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// sameHost reports whether a page of origin was served under host: name and
// port are equal, and a port that is left out is the scheme's.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null" too: a sandboxed page, or one of a file
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	name, ownPort := splitPort(host)
	theirs, theirPort := splitPort(u.Host)
	if ownPort == "" {
		ownPort = port
	}
	if theirPort == "" {
		theirPort = port
	}
	return port != "" && name == theirs && ownPort == theirPort
}

// splitPort takes "[::1]:8188" apart; names come out in lower case.
func splitPort(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil || strings.Trim(port, "0123456789") != "" {
		name, port = host, ""
	}
	return strings.ToLower(strings.Trim(name, "[]")), port
}
