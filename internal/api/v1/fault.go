package v1

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/workflow"
)

// promptFault is the envelope of POST prompt: ComfyUI's, which is the only one
// an editor shows, with code and message beside it.
func promptFault(f *settee.Fault) any {
	return promptRefusal(string(f.Code), workflow.Refusal{Type: faultType(f.Code), Message: f.Message}, nil)
}

// faultType is error.type: the cloud's word where it has one, else the code. It
// is never one of those that make an editor open the cloud's own sign-in or
// payment dialogs.
func faultType(code settee.Code) string {
	switch code {
	case settee.CodeQueueFull:
		return "QUEUE_LIMIT"
	case settee.CodeCredits:
		return "PAYMENT_REQUIRED"
	case settee.CodeSubscription:
		return "CLOUD_SUBSCRIPTION_REQUIRED"
	}
	return string(code)
}

func promptRefusal(code string, refusal workflow.Refusal, nodes workflow.NodeErrors) any {
	if len(refusal.ExtraInfo) == 0 {
		refusal.ExtraInfo = json.RawMessage("{}")
	}
	return struct {
		Error      workflow.Refusal    `json:"error"`
		NodeErrors workflow.NodeErrors `json:"node_errors"`
		Code       string              `json:"code"`
		Message    string              `json:"message"`
	}{refusal, nodes, code, refusal.Message}
}

// refuse answers a POST prompt that failed: what is wrong with the workflow as
// 400, anything else as a fault.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if refused, ok := errors.AsType[*admission.Refused](err); ok {
		api.WriteJSON(w, http.StatusBadRequest, promptRefusal(refused.Refusal.Type, refused.Refusal, refused.NodeErrors))
		return
	}
	if refusal, ok := errors.AsType[*workflow.Refusal](err); ok {
		api.WriteJSON(w, http.StatusBadRequest, promptRefusal(refusal.Type, *refusal, nil))
		return
	}
	api.Fail(w, r, err)
}
