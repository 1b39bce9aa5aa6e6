package queue

import (
	"context"

	"github.com/settee/settee"
)

// Status is Job for those who ask again and again: of the job it has PromptID,
// State, Reason, CancelRequested, the times and Error, and no more. Fault
// CodeNotFound.
func (s *Service) Status(ctx context.Context, accountID, promptID string) (settee.Job, error) {
	return s.store.JobStatus(ctx, accountID, promptID)
}
