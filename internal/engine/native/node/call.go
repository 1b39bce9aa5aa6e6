package node

import (
	"context"
	"io"
	"math"
	"math/big"
	"time"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/pixel"
	"github.com/settee/settee/internal/pyjson"
)

// Host is what the executor does for a running node.
type Host interface {
	// Progress tells how far the node is and stops it when it was asked to.
	Progress(value, total float64) error
	// Show sends a picture, a PNG file, together with Progress.
	Show(value, total float64, png []byte) error
	// Tell sends a text frame (protocol note 2.4, type 3).
	Tell(text string) error
	// Put stores a file's bytes (engine.Sink).
	Put(content io.Reader) (engine.Bytes, error)
	// Open reads the file that an input's value means. Fault CodeNotFound: there
	// is none.
	Open(input string) (io.ReadSeekCloser, error)
	// Metadata is what a file that is saved tells of the run: the graph (with
	// is_changed where files count) and every key of extra_pnginfo, as Python's
	// JSON, in their order.
	Metadata() ([]Metadata, error)
	// Letters are random, and the same as long as the node's instance lives.
	Letters() string
	// Now is the time.
	Now() time.Time
}

// Metadata is a keyword and its text.
type Metadata struct{ Key, Text string }

// Call is one call of a node's function: its inputs, and what it may do. The
// kernels of package pixel are methods of it, and stop and ask for room on
// their own.
type Call struct {
	pixel.Work
	Host

	NodeID string

	In map[string][]Value // by name; one element, or the whole list with InputIsList
	UI []engine.Key       // what the node shows
}

// Has reports whether an input is there and not None.
func (c *Call) Has(name string) bool {
	list, ok := c.In[name]
	return ok && (len(list) == 0 || list[0] != nil)
}

// List is an input's whole list.
func (c *Call) List(name string) []Value { return c.In[name] }

// Value is an input's only or first element; nil when it is not there.
func (c *Call) Value(name string) Value {
	if list := c.In[name]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// raised is what the reading functions below panic with when an input is not
// what its class says it is (a link into "*" or out of a list can do that). Run
// through Do, it is an ordinary error.
type raised struct{ err error }

// Do calls f and gives what it returned or raised.
func (c *Call) Do(f func(*Call) ([]Value, error)) (out []Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, ok := p.(raised)
			if !ok {
				panic(p)
			}
			err = r.err
		}
	}()
	return f(c)
}

func wrong(v Value, attribute string) raised {
	return raised{Raise("AttributeError", "'%s' object has no attribute '%s'", TypeName(v), attribute)}
}

// Image is an IMAGE input.
func (c *Call) Image(name string) *pixel.Image { return picture(c.Value(name)) }

// Images are all elements of an IMAGE input.
func (c *Call) Images(name string) []*pixel.Image {
	all := make([]*pixel.Image, len(c.In[name]))
	for i, v := range c.In[name] {
		all[i] = picture(v)
	}
	return all
}

// Mask is a MASK input, as an Image of one channel.
func (c *Call) Mask(name string) *pixel.Image { return picture(c.Value(name)) }

func picture(v Value) *pixel.Image {
	switch v := v.(type) {
	case *pixel.Image:
		return v
	case Mask:
		return v.Image
	}
	panic(wrong(v, "shape"))
}

// Int is an INT input. A number too large for int64 becomes the nearest.
func (c *Call) Int(name string) int {
	switch v := c.Value(name).(type) {
	case int64:
		return int(v)
	case bool:
		if v {
			return 1
		}
		return 0
	case *big.Int:
		if v.Sign() < 0 {
			return math.MinInt64
		}
		return math.MaxInt64
	case float64:
		return int(v)
	default:
		panic(raised{Raise("TypeError", "'%s' object cannot be interpreted as an integer", TypeName(v))})
	}
}

// Seed is an INT input of 64 bits without a sign; a negative number wraps.
func (c *Call) Seed(name string) uint64 {
	if v, ok := c.Value(name).(*big.Int); ok {
		return v.Uint64()
	}
	return uint64(c.Int(name))
}

// Float is a FLOAT input, or a whole number linked into one.
func (c *Call) Float(name string) float64 {
	switch v := c.Value(name).(type) {
	case float64:
		return v
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case int64:
		return float64(v)
	case bool:
		return float64(c.Int(name))
	default:
		panic(raised{Raise("TypeError", "must be real number, not %s", TypeName(v))})
	}
}

// Bool is a BOOLEAN input.
func (c *Call) Bool(name string) bool {
	switch v := c.Value(name).(type) {
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case pyjson.Value:
		return v.Truthy()
	default:
		return v != nil
	}
}

// String is a STRING or COMBO input.
func (c *Call) String(name string) string {
	if s, ok := c.Value(name).(string); ok {
		return s
	}
	v := c.Value(name)
	panic(wrong(v, "strip"))
}

// context is never nil.
func (c *Call) context() context.Context {
	if c.Context == nil {
		return context.Background()
	}
	return c.Context
}

// AddUI adds entries to a key of the node's ui.
func (c *Call) AddUI(key string, entries ...engine.Entry) {
	for i := range c.UI {
		if c.UI[i].Name == key {
			c.UI[i].Entries = append(c.UI[i].Entries, entries...)
			return
		}
	}
	c.UI = append(c.UI, engine.Key{Name: key, Entries: entries})
}
