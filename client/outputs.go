package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
)

// Outputs is what a job's nodes gave out, in the server's order.
type Outputs []NodeOutput

// NodeOutput is what one node gave out, in the server's order.
type NodeOutput struct {
	Node   string // node id
	Values []OutputValue
}

// OutputValue is one key of a node's output, e.g. images, gifs, video, audio,
// text, animated.
type OutputValue struct {
	Key   string
	Items []json.RawMessage // of an array; any other value is one item
}

// OutputFile is a file that a node gave out.
type OutputFile struct {
	Node, Key string
	File      settee.File
}

// OutputText is a text that a node gave out.
type OutputText struct {
	Node, Text string
}

// UnmarshalJSON reads an object of objects by node id. A node without output
// (null) is left out.
func (o *Outputs) UnmarshalJSON(raw []byte) error {
	*o = nil
	return members(raw, func(node string, value json.RawMessage) error {
		out := NodeOutput{Node: node}
		err := members(value, func(key string, value json.RawMessage) error {
			v := OutputValue{Key: key}
			if json.Unmarshal(value, &v.Items) != nil {
				v.Items = []json.RawMessage{value}
			}
			out.Values = append(out.Values, v)
			return nil
		})
		if len(out.Values) > 0 {
			*o = append(*o, out)
		}
		return err
	})
}

// MarshalJSON writes the object that UnmarshalJSON reads.
func (o Outputs) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, out := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:{", quoted(out.Node))
		for j, v := range out.Values {
			if j > 0 {
				b.WriteByte(',')
			}
			items, err := json.Marshal(v.Items)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%s:%s", quoted(v.Key), items)
		}
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil { // a string always has a form
		panic(err)
	}
	return b
}

// Files lists every file of every kind, in order.
func (o Outputs) Files() []OutputFile {
	var files []OutputFile
	for _, out := range o {
		for _, v := range out.Values {
			for _, item := range v.Items {
				var f settee.File
				if json.Unmarshal(item, &f) != nil || f.Filename == "" {
					continue
				}
				if f.Type == "" {
					f.Type = settee.Output
				}
				files = append(files, OutputFile{Node: out.Node, Key: v.Key, File: f})
			}
		}
	}
	return files
}

// Texts lists every text, in order.
func (o Outputs) Texts() []OutputText {
	var texts []OutputText
	for _, out := range o {
		for _, v := range out.Values {
			for _, item := range v.Items {
				var text string
				if json.Unmarshal(item, &text) == nil && bytes.HasPrefix(bytes.TrimSpace(item), []byte(`"`)) {
					texts = append(texts, OutputText{Node: out.Node, Text: text})
				}
			}
		}
	}
	return texts
}

// members walks an object in its order; null has none.
func members(raw []byte, yield func(key string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open == nil {
		return nil
	}
	if open != json.Delim('{') {
		return fmt.Errorf("an object was expected, not %.40s", raw)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := yield(key.(string), value); err != nil {
			return err
		}
	}
	return nil
}
