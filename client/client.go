// Package client speaks to a Settee, or to Comfy Cloud, over HTTP.
//
// A job is submitted, waited for and its files are fetched:
//
//	c, err := client.New("http://127.0.0.1:8188", os.Getenv("COMFY_CLOUD_API_KEY"))
//	receipt, err := c.Submit(ctx, client.Submission{Prompt: graph})
//	job, err := c.Wait(ctx, receipt.PromptID, func(e client.Event) { fmt.Println(e.Type) })
//	for _, file := range job.Outputs.Files() {
//		content, err := c.View(ctx, file.File)
//		…
//	}
//
// What holds:
//
//   - The bytes of a workflow are sent as they are given: 64-bit seeds, key
//     order and Python's NaN survive.
//   - The key goes to the server named in New and to no other origin, also when
//     an answer redirects there, and stands in no error.
//   - Events are a hint. Wait believes the job's status, which it asks for, so a
//     lost socket costs time and never the answer.
//   - An answer other than 2xx is an *Error.
//
// Operators' calls are methods of Admin and need an admin key.
package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client of one server with one key. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	key       string
	http      *http.Client
	userAgent string
	timeout   time.Duration // for calls that answer with JSON
	patience  time.Duration // how long Wait bears a server that does not answer
	poll      time.Duration // between Wait's questions
	lastWords time.Duration // how long Wait listens for the last event of a job that has ended
}

// Option changes a Client.
type Option func(*Client)

// WithHTTPClient takes another HTTP client; its transport and time limit are
// kept, and the key is added to requests for the server's origin alone.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithUserAgent names the program that calls.
func WithUserAgent(name string) Option { return func(c *Client) { c.userAgent = name } }

// WithTimeout limits calls that answer with JSON (60 s). Uploads and downloads
// take as long as their context allows.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithPatience says how long Wait goes on while the server cannot be reached
// (1 min).
func WithPatience(d time.Duration) Option { return func(c *Client) { c.patience = d } }

// WithPoll sets the time between Wait's questions (2 s). Events bring the
// answer sooner.
func WithPoll(d time.Duration) Option { return func(c *Client) { c.poll = d } }

// New makes a client of the server at baseURL, which may have a path. The key
// may be empty for a server that asks for none.
func New(baseURL, key string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("server URL: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("server URL %q: it must look like http://host:port or https://host", baseURL)
	}
	if base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, fmt.Errorf("server URL %q: no query, fragment or user belongs there", base.Redacted())
	}
	c := &Client{
		base: base, key: key, http: http.DefaultClient, userAgent: "settee-client",
		timeout: time.Minute, patience: time.Minute, poll: 2 * time.Second, lastWords: time.Second,
	}
	for _, option := range options {
		option(c)
	}
	own := *c.http
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = keyed{next: own.Transport, base: base, key: key}
	c.http = &own
	return c, nil
}

// URL is the server's base URL.
func (c *Client) URL() string { return c.base.String() }

// keyed adds the key to requests for the server's own origin, and takes it from
// all others: net/http copies headers to wherever a redirect leads.
type keyed struct {
	next http.RoundTripper
	base *url.URL
	key  string
}

// CloseIdleConnections is for http.Client.
func (k keyed) CloseIdleConnections() {
	if idle, ok := k.next.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("X-API-Key")
	if k.key != "" && r.URL.Scheme == k.base.Scheme && r.URL.Host == k.base.Host {
		r.Header.Set("X-API-Key", k.key)
	}
	return k.next.RoundTrip(r)
}

// CloseIdle closes the connections that nothing goes over now.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }
