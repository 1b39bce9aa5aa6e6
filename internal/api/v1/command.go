package v1

import (
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/pyjson"
)

// maxCommand is how large the body of a command may be, in bytes.
const maxCommand = 4 << 20

// command reads a command's body as JSON, whatever its Content-Type.
func command(w http.ResponseWriter, r *http.Request) (pyjson.Value, error) {
	body, err := api.Body(w, r, maxCommand)
	if err != nil {
		return pyjson.Value{}, err
	}
	v, err := pyjson.Parse(body)
	if err != nil {
		return v, &settee.Fault{Code: settee.CodeInvalid, Message: "The body cannot be read as JSON.", Err: err}
	}
	return v, nil
}

// management is what POST queue and POST history ask for.
type management struct {
	clear bool
	ids   []string // nil: no delete
}

// manage reads {"clear": …, "delete": […]} by ComfyUI's rules: clear counts when
// it is truthy, a list instead of an object asks for nothing, and so does text
// instead of a list of ids. Where ComfyUI breaks, it is a Fault.
func manage(w http.ResponseWriter, r *http.Request) (m management, err error) {
	v, err := command(w, r)
	if err != nil {
		return m, err
	}
	switch v.Kind {
	case pyjson.Array:
		return m, nil
	case pyjson.Object:
	default:
		return m, settee.Faultf(settee.CodeInvalid, "The body must be an object with clear or delete.")
	}
	m.clear = v.Get("clear").Truthy()
	list := v.Get("delete")
	switch list.Kind {
	case pyjson.Absent, pyjson.String, pyjson.Object:
	case pyjson.Array:
		m.ids = []string{}
		for item := range list.Items() {
			if item.Kind == pyjson.String {
				m.ids = append(m.ids, item.Text())
			}
		}
	default:
		return m, settee.Faultf(settee.CodeInvalid, "delete must be a list of prompt ids.")
	}
	return m, nil
}
