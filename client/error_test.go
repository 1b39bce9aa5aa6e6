package client_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/settee/settee/client"
)

func TestErrorsReadAsSentences(t *testing.T) {
	for _, c := range []struct {
		err  client.Error
		want string
	}{
		{client.Error{Status: 404, Message: "There is no account eve."}, "There is no account eve."},
		{client.Error{Status: 404, Message: "Not Found"}, "Not Found (HTTP 404)"},
		{client.Error{Status: 400, Message: "Node has no class_type.", Details: "Node ID '#3'"}, "Node has no class_type: Node ID '#3'"},
		{client.Error{Status: 400, Message: "Cannot run", Details: "Node ID '#3'"}, "Cannot run: Node ID '#3' (HTTP 400)"},
		{client.Error{Status: 400, Message: "Same.", Details: "Same."}, "Same."},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%+v reads %q, want %q", c.err, got, c.want)
		}
	}
}

// An error of the transport names the address as a whole, and no query.
func TestErrorsNameTheAddress(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	c, err := client.New(gone.URL, "comfyui-secret")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Listen(t.Context(), "session")
	if err == nil || !strings.HasPrefix(err.Error(), "GET "+gone.URL+"/ws: ") || strings.Contains(err.Error(), "secret") {
		t.Errorf("socket: %v", err)
	}
	_, err = c.Job(t.Context(), "a b")
	if err == nil || !strings.HasPrefix(err.Error(), "GET "+gone.URL+"/api/jobs/a%20b: ") {
		t.Errorf("call: %v", err)
	}
}
