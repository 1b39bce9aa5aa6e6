// Package pool knows which pools of workers there are, which nodes the workers
// of each can run and which models they have. A pool's workers may differ: its
// variants are their different definitions, and one variant must accept the
// whole of a job. Definitions decide validation, a job's lane, and what
// /object_info lists; they are kept by hash, so equal workers share them.
package pool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/settee/settee"
)

// Pool is a named set of workers with one price.
type Pool struct {
	Name       string
	Price      float64 // credits per worker-second
	Live       bool    // a worker of it is connected now
	UpdatedAt  time.Time
	Variants   []Variant // at least one: those that are here first, then what was seen last
	Generation int64     // of all pools' variants: grows when there is a new one
}

// Store is what the service needs of the database.
type Store interface {
	Pools(ctx context.Context, now time.Time) ([]Pool, error)
	Definitions(ctx context.Context, hash string) (json.RawMessage, error)
	Devices(ctx context.Context, now time.Time) ([]json.RawMessage, error)
	Models(ctx context.Context, now time.Time) ([]json.RawMessage, error)
}

// Files lists an account's files, for the choices of file inputs.
type Files interface {
	List(ctx context.Context, accountID string, folder settee.FileType) ([]settee.Asset, error)
}

// Service answers from memory, at most a second behind the database.
type Service struct {
	store Store
	files Files
	now   func() time.Time

	mu         sync.Mutex
	pools      []Pool
	read       time.Time
	asked      time.Time              // the last time that somebody wanted them
	catalogs   map[string]*catalog    // by definitions hash
	infos      map[string]*objectInfo // by hashes of all variants
	models     []Folder
	modelsRead time.Time
}

const (
	fresh    = time.Second      // how long what was read from the database is believed
	attended = 10 * time.Second // how long Run keeps it so after it was asked for
)

// New makes a Service.
func New(store Store, files Files, now func() time.Time) *Service {
	return &Service{store: store, files: files, now: now, catalogs: map[string]*catalog{}, infos: map[string]*objectInfo{}}
}

// Pools lists the pools with their catalogs: those that have a worker first,
// the cheapest of them first.
func (s *Service) Pools(ctx context.Context) ([]Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.asked = now
	if len(s.pools) > 0 && now.Sub(s.read) < fresh {
		return s.pools, nil
	}
	return s.reload(ctx, now)
}

// Run reads the pools anew before they are too old, as long as somebody asks for them
// now and then: who submits a job every few seconds does not wait for that. It returns
// when ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(fresh / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.refresh(ctx)
	}
}

func (s *Service) refresh(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.asked) >= attended {
		return
	}
	ctx, done := context.WithTimeout(ctx, fresh)
	defer done()
	_, _ = s.reload(ctx, now) // or whoever asks next does, and hears why not
}

// reload reads the pools. The caller holds mu.
func (s *Service) reload(ctx context.Context, now time.Time) ([]Pool, error) {
	pools, err := s.load(ctx, now)
	if err != nil { // definitions go when a worker brings newer ones: look again
		if pools, err = s.load(ctx, now); err != nil {
			return nil, err
		}
	}
	s.pools, s.read = pools, now
	s.prune(pools)
	return pools, nil
}

// ObjectInfo is the answer of /object_info, or with a class that of
// /object_info/{class}: {} when no pool has it. A class comes from the first
// variant of the first pool that has it, and its lists offer what any variant
// offers, so that each model that a worker has can be chosen; the account's own
// files are the choices of file inputs.
// (operationId getNodeInfo)
func (s *Service) ObjectInfo(ctx context.Context, accountID, class string) ([]byte, error) {
	pools, err := s.Pools(ctx)
	if err != nil {
		return nil, err
	}
	info, err := s.info(pools)
	if err != nil {
		return nil, err
	}
	choices := map[settee.FileType][]settee.Asset{}
	for _, folder := range []settee.FileType{settee.Input, settee.Output} {
		if choices[folder], err = s.files.List(ctx, accountID, folder); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	out.WriteByte('{')
	for _, d := range info.classes {
		if class != "" && d.name != class {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		d.write(&out, choices)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Devices is system_stats' devices array: those of all live workers.
func (s *Service) Devices(ctx context.Context) (json.RawMessage, error) {
	lists, err := s.store.Devices(ctx, s.now())
	if err != nil {
		return nil, err
	}
	all := []json.RawMessage{}
	for _, list := range lists {
		var some []json.RawMessage
		if err := json.Unmarshal(list, &some); err != nil {
			return nil, fmt.Errorf("a worker's devices: %w", err)
		}
		all = append(all, some...)
	}
	return json.Marshal(all)
}
