package admission

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// judge validates graph against every pool. The pools that can run it are its
// lane; the first of them, which is the cheapest, says what is converted and
// which outputs run. When none can, the refusal is that of the pool which knows
// the most of its nodes.
func (s *Service) judge(ctx context.Context, account settee.Account, graph *workflow.Graph, targets []string) (queue.Lane, *workflow.Verdict, error) {
	pools, err := s.pools.Pools(ctx)
	if err != nil {
		return "", nil, err
	}
	if len(pools) == 0 {
		fault := settee.Faultf(settee.CodeUnavailable, "No worker has come up yet.")
		return "", nil, fault
	}
	var (
		names   []string
		chosen  *workflow.Verdict
		nearest *workflow.Verdict
		unknown = -1 // of the nearest pool
	)
	files := s.files.Account(account.ID)
	for _, p := range pools {
		verdict, err := workflow.Validate(ctx, graph, p.Catalog, targets, files)
		if err != nil {
			return "", nil, err
		}
		if verdict.Refusal == nil {
			if chosen == nil {
				chosen = verdict
			}
			if slices.Equal(chosen.Outputs, verdict.Outputs) {
				names = append(names, p.Name)
			}
			continue
		}
		if n := missing(graph, p.Catalog); nearest == nil || n < unknown {
			nearest, unknown = verdict, n
		}
	}
	if chosen == nil {
		return "", nil, &Refused{Refusal: *nearest.Refusal, NodeErrors: nearest.NodeErrors}
	}
	slices.Sort(names)
	return queue.Lane(strings.Join(names, "+")), chosen, nil
}

// missing counts the nodes whose class c does not have.
func missing(graph *workflow.Graph, c *workflow.Catalog) int {
	n := 0
	for i := range graph.Nodes {
		if _, ok := c.Class(graph.Nodes[i].Class); !ok {
			n++
		}
	}
	return n
}

// refuse turns a workflow.Refusal into Refused and leaves other errors alone.
func refuse(err error) error {
	if r, ok := errors.AsType[*workflow.Refusal](err); ok {
		return &Refused{Refusal: *r}
	}
	return err
}
