package v1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api/v1"
)

// What is written by hand is what the contract's type says.
func TestStatusIsWrittenAsTheContractSays(t *testing.T) {
	at := start.Add(1500 * time.Microsecond)
	for _, job := range []settee.Job{
		{PromptID: id1, State: settee.Pending, CreatedAt: start, UpdatedAt: start},
		{PromptID: id1, State: settee.InProgress, CreatedAt: start, StartedAt: at, UpdatedAt: at},
		{PromptID: id1, State: settee.Completed, CreatedAt: start, StartedAt: at, EndedAt: at.Add(time.Second), UpdatedAt: at.Add(time.Second)},
		{PromptID: id1, State: settee.Cancelled, CreatedAt: start, EndedAt: at, UpdatedAt: at},
		{PromptID: `<a "ü">`, State: settee.Pending, CreatedAt: start, UpdatedAt: start},
	} {
		h := newHouse(t, false)
		h.api.Queue = oneJob{job: job}
		want := v1.JobStatusResponse{Id: job.PromptID, Status: string(job.State), CreatedAt: job.CreatedAt, UpdatedAt: job.UpdatedAt, LastStateUpdate: job.UpdatedAt}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if job.PromptID != id1 {
			text = []byte(`{"id":"<a \"ü\">","status":"pending","created_at":"` + start.Format(time.RFC3339Nano) + `","updated_at":"` + start.Format(time.RFC3339Nano) +
				`","last_state_update":"` + start.Format(time.RFC3339Nano) + `","assigned_inference":null,"error_message":null}`)
		}
		h.ask("GET", "/api/job/"+id1+"/status", "").is(200, string(text))
	}
}
