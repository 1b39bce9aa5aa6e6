package v1

import (
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/pyjson"
)

// InterruptJob stops the caller's running jobs, or the one that the body names.
// As in ComfyUI, a body that cannot be read names none. (operationId interruptJob)
func (a *API) InterruptJob(w http.ResponseWriter, r *http.Request) {
	body, err := api.Body(w, r, maxCommand)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	id := pyjson.Value{}
	if v, err := pyjson.Parse(body); err == nil {
		if v.Kind != pyjson.Object {
			api.Fail(w, r, settee.Faultf(settee.CodeInvalid, "The body must be an object with prompt_id, or empty."))
			return
		}
		id = v.Get("prompt_id")
	}
	if id.Kind != pyjson.String && id.Truthy() {
		api.WriteEmpty(w) // no job has an id that is not text
		return
	}
	if err := a.Queue.Interrupt(r.Context(), api.Caller(r.Context()).ID, id.Text()); err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteEmpty(w)
}

// FreeMemory has the workers forget the results they keep for the caller, when
// free_memory is truthy. Models are everybody's: unload_models is heard and not
// obeyed. (operationId freeMemory)
func (a *API) FreeMemory(w http.ResponseWriter, r *http.Request) {
	v, err := command(w, r)
	if err == nil && v.Kind != pyjson.Object {
		err = settee.Faultf(settee.CodeInvalid, "The body must be an object with unload_models or free_memory.")
	}
	if err == nil && a.Free != nil && v.Get("free_memory").Truthy() {
		err = a.Free(r.Context(), api.Caller(r.Context()).ID)
	}
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteEmpty(w)
}
