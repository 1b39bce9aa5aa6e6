package admission

import (
	"context"
	"errors"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// judged is what becomes of a job: what is to be done, and who can do it.
type judged struct {
	*workflow.Verdict
	lane queue.Lane
	fit  queue.Fit
}

// candidate is a variant of a pool and what it says of a job.
type candidate struct {
	pool string
	pool.Variant
	verdict *workflow.Verdict
}

// accepts reports whether the candidate runs these outputs.
func (c candidate) accepts(outputs []string) bool {
	return c.verdict.Refusal == nil && slices.Equal(c.verdict.Outputs, outputs)
}

// judge validates graph for every variant of every pool: the whole job runs on
// one worker. The variants that can run it are its lane; the first of those that
// run the most of its outputs, which is of the cheapest pool, says what is
// converted and which outputs run. When none can, the refusal is that of the
// nearest variant: it knows the most of the nodes, and finds the least wrong.
func (s *Service) judge(ctx context.Context, account settee.Account, graph *workflow.Graph, targets []string) (judged, error) {
	pools, err := s.pools.Pools(ctx)
	if err != nil {
		return judged{}, err
	}
	var (
		files    = s.files.Account(account.ID)
		all      []candidate
		verdicts = map[string]*workflow.Verdict{} // by definitions
		chosen   *workflow.Verdict
		nearest  *workflow.Verdict
		far      [2]int // how far nearest is from running it
	)
	for _, p := range pools {
		for _, v := range p.Variants {
			verdict := verdicts[v.Hash]
			if verdict == nil {
				if verdict, err = workflow.Validate(ctx, graph, v.Catalog, targets, files); err != nil {
					return judged{}, err
				}
				verdicts[v.Hash] = verdict
			}
			all = append(all, candidate{p.Name, v, verdict})
			if verdict.Refusal == nil {
				if chosen == nil || len(verdict.Outputs) > len(chosen.Outputs) {
					chosen = verdict
				}
			} else if d := distance(graph, v.Catalog, verdict); nearest == nil || slices.Compare(d[:], far[:]) < 0 {
				nearest, far = verdict, d
			}
		}
	}
	switch {
	case chosen != nil:
		j := judged{Verdict: chosen}
		j.lane, j.fit = place(graph, all, chosen.Outputs)
		j.fit.Generation = pools[0].Generation
		return j, nil
	case nearest != nil:
		return judged{}, &Refused{Refusal: *nearest.Refusal, NodeErrors: nearest.NodeErrors}
	}
	return judged{}, settee.Faultf(settee.CodeUnavailable, "No worker has come up yet.")
}

// place finds the lane of a job that some candidates accept. Among its choices
// may be one that ComfyUI does not look at before it runs, and that not all of
// them offer: then those that do serve the lane, if any does.
func place(graph *workflow.Graph, all []candidate, outputs []string) (queue.Lane, queue.Fit) {
	var accepting []*workflow.Catalog
	for _, c := range all {
		if c.accepts(outputs) && !slices.Contains(accepting, c.Catalog) {
			accepting = append(accepting, c.Catalog)
		}
	}
	needs := graph.Needs(outputs, accepting...)
	if !slices.ContainsFunc(accepting, func(c *workflow.Catalog) bool { return c.Meets(needs) }) {
		needs = graph.Needs(outputs, accepting[0])
	}
	var (
		fit   queue.Fit
		pools []string
	)
	for _, c := range all {
		switch {
		case !c.Catalog.Meets(needs):
		case !c.accepts(outputs):
			needs.Refused = append(needs.Refused, c.Hash)
		default:
			fit.Variants = append(fit.Variants, queue.Variant{Pool: c.pool, Nodes: c.Hash})
			pools = append(pools, c.pool)
		}
	}
	slices.Sort(needs.Refused)
	needs.Refused = slices.Compact(needs.Refused)
	fit.Needs = needs.JSON()
	slices.Sort(pools)
	return queue.LaneOf(slices.Compact(pools), fit.Variants), fit
}

// distance is how far a variant is from running a graph: the nodes whose class
// it does not have, then what else is wrong.
func distance(graph *workflow.Graph, c *workflow.Catalog, v *workflow.Verdict) (d [2]int) {
	for i := range graph.Nodes {
		if _, ok := c.Class(graph.Nodes[i].Class); !ok {
			d[0]++
		}
	}
	for _, e := range v.NodeErrors {
		d[1] += len(e.Errors)
	}
	return d
}

// refuse turns a workflow.Refusal into Refused and leaves other errors alone.
func refuse(err error) error {
	if r, ok := errors.AsType[*workflow.Refusal](err); ok {
		return &Refused{Refusal: *r}
	}
	return err
}
