package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Cancel ends a job that waits or runs; false means that it had ended already.
// A running job ends soon after: Wait tells when. Where the server has no such
// path, the job is taken from the queue and interrupted, and true only says
// that it was asked. (operationIds cancelJob, manageQueue, interruptJob)
func (c *Client) Cancel(ctx context.Context, promptID string) (bool, error) {
	var answer struct {
		Cancelled bool `json:"cancelled"`
	}
	err := c.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(promptID)+"/cancel", nil, []byte("{}"), &answer)
	if !unrouted(err) {
		return answer.Cancelled, err
	}
	queue, err := json.Marshal(map[string][]string{"delete": {promptID}})
	if err != nil {
		return false, err
	}
	if err := c.call(ctx, http.MethodPost, "/api/queue", nil, queue, nil); err != nil {
		return false, err
	}
	running, err := json.Marshal(map[string]string{"prompt_id": promptID})
	if err != nil {
		return false, err
	}
	if err := c.call(ctx, http.MethodPost, "/api/interrupt", nil, running, nil); err != nil {
		return false, err
	}
	return true, nil
}
