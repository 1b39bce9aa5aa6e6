package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// ObjectInfo is the definitions of the named node classes, or of all when none
// is named: an object by class, without the classes that the server does not
// know. The answer for all may have megabytes. (operationId getNodeInfo)
func (c *Client) ObjectInfo(ctx context.Context, classes ...string) (map[string]json.RawMessage, error) {
	all := func() (map[string]json.RawMessage, error) {
		var definitions map[string]json.RawMessage
		err := c.call(ctx, http.MethodGet, "/api/object_info", nil, nil, &definitions)
		return definitions, err
	}
	if len(classes) == 0 {
		return all()
	}
	found := make(map[string]json.RawMessage, len(classes))
	for _, class := range classes {
		var definitions map[string]json.RawMessage
		err := c.call(ctx, http.MethodGet, "/api/object_info/"+url.PathEscape(class), nil, nil, &definitions)
		if unrouted(err) {
			return all()
		}
		if StatusOf(err) == http.StatusNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if definition, ok := definitions[class]; ok {
			found[class] = definition
		}
	}
	return found, nil
}
