package client

import "time"

// WithLastWords lets slow machines hear every last event.
func WithLastWords(d time.Duration) Option { return func(c *Client) { c.lastWords = d } }
