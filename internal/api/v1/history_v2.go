package v1

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/record"
)

// GetHistory lists ended jobs, newest first, without their graphs.
// (operationId getHistory)
func (a *API) GetHistory(w http.ResponseWriter, r *http.Request, p GetHistoryParams) {
	max, offset := maxHistory, 0
	if p.MaxItems != nil {
		max = min(*p.MaxItems, maxHistory)
	}
	if p.Offset != nil {
		offset = *p.Offset
	}
	if offset < 0 {
		api.Fail(w, r, settee.Faultf(settee.CodeInvalid, "offset must not be negative."))
		return
	}
	list := HistoryResponse{History: []HistoryEntry{}}
	if max > 0 && offset < maxHistory {
		account := api.Caller(r.Context()).ID
		ids, err := a.Queue.History(r.Context(), account, min(max+offset, maxHistory), -1)
		if err == nil {
			ids = ids[:len(ids)-min(offset, len(ids))]
			err = a.Queue.Each(r.Context(), account, ids, func(d *record.Detail) error {
				list.History = append(list.History, historyEntry(d))
				return nil
			})
		}
		if err != nil {
			api.Fail(w, r, err)
			return
		}
		slices.Reverse(list.History)
	}
	api.WriteJSON(w, http.StatusOK, list)
}

func historyEntry(d *record.Detail) HistoryEntry {
	return HistoryEntry{
		PromptId:   d.PromptID,
		CreateTime: d.CreatedAt.UnixMilli(),
		WorkflowId: d.WorkflowID,
		Prompt:     HistoryPrompt{Priority: d.Number, PromptId: d.PromptID, ExtraData: withoutWorkflow(object(d.ExtraData))},
		Outputs:    object(d.Result.Outputs),
		Status:     executionStatus(d),
		Meta:       object(d.Meta),
	}
}

// withoutWorkflow is extra_data without the editor's graph, which is most of it.
func withoutWorkflow(extra json.RawMessage) json.RawMessage {
	root, err := pyjson.Parse(extra)
	if err != nil {
		return extra
	}
	info := root.Get("extra_pnginfo")
	if info.Get("workflow").Kind == pyjson.Absent {
		return extra
	}
	out := bytes.NewBuffer(make([]byte, 0, len(extra)))
	out.Write(extra[:info.Start])
	between := byte('{')
	for _, m := range info.Members() {
		if m.Key != "workflow" {
			out.WriteByte(between)
			out.Write(pyjson.Quote(m.Key))
			out.WriteByte(':')
			out.Write(m.Value.Raw())
			between = ','
		}
	}
	if between == '{' {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	out.Write(extra[info.End:])
	return out.Bytes()
}

// GetHistoryForPrompt shows one ended job in full, under its prompt id. Fault
// CodeNotFound as long as it has not ended. (operationId getHistoryForPrompt)
func (a *API) GetHistoryForPrompt(w http.ResponseWriter, r *http.Request, promptID PromptID) {
	d, err := a.Queue.Detail(r.Context(), api.Caller(r.Context()).ID, promptID)
	if err == nil && !inHistory(&d) {
		err = settee.Faultf(settee.CodeNotFound, "The history has no such job.")
	}
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	entry := HistoryDetailEntry{Outputs: object(d.Result.Outputs), Status: executionStatus(&d), Meta: object(d.Meta)}
	entry.Prompt.Priority = d.Number
	entry.Prompt.PromptId = d.PromptID
	entry.Prompt.Prompt = graph(&d)
	entry.Prompt.ExtraData = object(d.ExtraData)
	entry.Prompt.OutputsToExecute = outputIDs(&d)
	api.WriteJSON(w, http.StatusOK, HistoryDetailResponse{d.PromptID: entry})
}
