package v1

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/workflow"
)

// ExecutePrompt takes a workflow in; when it answers 200 the job is durable.
// (operationId executePrompt)
func (a *API) ExecutePrompt(w http.ResponseWriter, r *http.Request) {
	body, err := api.Body(w, r, api.MaxJSON)
	if err != nil {
		refuse(w, r, err)
		return
	}
	request, err := workflow.ReadRequest(body)
	if err != nil {
		refuse(w, r, err)
		return
	}
	if request.PromptID != "" && !a.Open && !canonical(request.PromptID) {
		refuse(w, r, &workflow.Refusal{Type: workflow.InvalidPromptID, Message: "prompt_id must be a valid UUID"})
		return
	}
	receipt, err := a.Admission.Admit(r.Context(), api.Caller(r.Context()), admission.Request{
		Prompt:     request.Prompt,
		ExtraData:  request.ExtraData,
		PromptID:   request.PromptID,
		ClientID:   request.ClientID,
		WorkflowID: request.WorkflowID,
		Number:     request.Number,
		Front:      request.Front,
		Targets:    request.Targets,
		Open:       a.Open,
	})
	if err != nil {
		refuse(w, r, err)
		return
	}
	nodes, err := json.Marshal(receipt.NodeErrors)
	if err != nil {
		refuse(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, PromptResponse{
		PromptId:   receipt.Job.PromptID,
		Number:     receipt.Job.Number,
		NodeErrors: nodes,
	})
}

// canonical reports whether id is a UUID as UUIDs are written: lower case, with
// hyphens.
func canonical(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}

// GetPromptInfo counts the account's jobs that wait or run.
// (operationId getPromptInfo)
func (a *API) GetPromptInfo(w http.ResponseWriter, r *http.Request) {
	counts, err := a.Queue.Counts(r.Context(), api.Caller(r.Context()).ID)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	var info PromptInfo
	info.ExecInfo.QueueRemaining = counts.Remaining()
	api.WriteJSON(w, http.StatusOK, info)
}
