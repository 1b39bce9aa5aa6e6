package v1

import (
	"encoding/json"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/record"
)

// maxHistory is how many entries a history answers at most; ComfyUI keeps as
// many.
const maxHistory = 10_000

// GetHistoryMap shows ended jobs as ComfyUI does, oldest first (protocol note
// 1.3). (operationId getHistoryMap)
func (a *API) GetHistoryMap(w http.ResponseWriter, r *http.Request, p GetHistoryMapParams) {
	max, offset := maxHistory, -1
	if p.MaxItems != nil {
		max = min(*p.MaxItems, maxHistory)
	}
	if p.Offset != nil {
		offset = *p.Offset
	}
	account := api.Caller(r.Context()).ID
	ids, err := a.Queue.History(r.Context(), account, max, offset)
	out := api.NewStream(w)
	out.Text("{")
	between := ""
	if err == nil {
		err = a.Queue.Each(r.Context(), account, ids, func(d *record.Detail) error {
			out.Text(between)
			between = ","
			if err := out.Value(d.PromptID); err != nil {
				return err
			}
			out.Text(":")
			return out.Value(historyOf(d))
		})
	}
	out.Text("}")
	out.End(r, err)
}

// GetHistoryEntry shows one ended job; {} when there is none, as long as it has
// not ended, and when it was cancelled before it started.
// (operationId getHistoryEntry)
func (a *API) GetHistoryEntry(w http.ResponseWriter, r *http.Request, promptID PromptID) {
	d, err := a.Queue.Detail(r.Context(), api.Caller(r.Context()).ID, promptID)
	switch {
	case settee.CodeOf(err) == settee.CodeNotFound, err == nil && !inHistory(&d):
		api.WriteJSON(w, http.StatusOK, struct{}{})
	case err != nil:
		api.Fail(w, r, err)
	default:
		api.WriteJSON(w, http.StatusOK, map[string]entry{d.PromptID: historyOf(&d)})
	}
}

// inHistory reports whether a job is in ComfyUI's history: it has started and
// ended.
func inHistory(d *record.Detail) bool { return d.State.Terminal() && d.Attempt > 0 }

// entry is a job in GET history.
type entry struct {
	Prompt  QueueItem       `json:"prompt"`
	Outputs json.RawMessage `json:"outputs"`
	Status  ExecutionStatus `json:"status"`
	Meta    json.RawMessage `json:"meta"`
}

func historyOf(d *record.Detail) entry {
	return entry{item(d), object(d.Result.Outputs), executionStatus(d), object(d.Meta)}
}

// executionStatus is a job's status as history shows it: a job that was
// cancelled is an error too, told by its last message.
func executionStatus(d *record.Detail) ExecutionStatus {
	s := ExecutionStatus{StatusStr: "error", Messages: array(d.Messages)}
	if d.State == settee.Completed {
		s.StatusStr, s.Completed = "success", true
	}
	return s
}

// ManageHistory takes ended jobs out of what the account reads.
// (operationId manageHistory)
func (a *API) ManageHistory(w http.ResponseWriter, r *http.Request) {
	m, err := manage(w, r)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	account := api.Caller(r.Context()).ID
	if m.clear {
		if err := a.Queue.ClearHistory(r.Context(), account); err != nil {
			api.Fail(w, r, err)
			return
		}
	}
	if len(m.ids) > 0 {
		if err := a.Queue.HideHistory(r.Context(), account, m.ids); err != nil {
			api.Fail(w, r, err)
			return
		}
	}
	api.WriteEmpty(w)
}
