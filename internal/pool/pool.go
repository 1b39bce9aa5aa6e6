// Package pool knows which pools of workers there are and which nodes each can
// run. A pool's definitions decide validation, a job's lane, and what
// /object_info lists; they are kept by hash, so equal workers share them.
package pool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/workflow"
)

// Pool is a named set of workers with the same definitions and one price.
type Pool struct {
	Name      string
	Hash      string  // of its definitions
	Price     float64 // credits per worker-second
	Live      bool    // a worker of it is connected now
	UpdatedAt time.Time
	Catalog   *workflow.Catalog // its definitions, parsed; filled by Service.Pools
	info      *objectInfo
}

// Store is what the service needs of the database.
type Store interface {
	Pools(ctx context.Context, now time.Time) ([]Pool, error)
	Definitions(ctx context.Context, hash string) (json.RawMessage, error)
	Devices(ctx context.Context, now time.Time) ([]json.RawMessage, error)
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

	mu       sync.Mutex
	pools    []Pool
	read     time.Time
	catalogs map[string]*catalog // by definitions hash
}

// catalog is one set of definitions, ready to validate with and to show.
type catalog struct {
	parsed *workflow.Catalog
	info   *objectInfo
}

// fresh is how long what was read from the database is believed.
const fresh = time.Second

// New makes a Service.
func New(store Store, files Files, now func() time.Time) *Service {
	return &Service{store: store, files: files, now: now, catalogs: map[string]*catalog{}}
}

// Pools lists the pools with their catalogs: those that have a worker first,
// the cheapest of them first.
func (s *Service) Pools(ctx context.Context) ([]Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.pools) > 0 && now.Sub(s.read) < fresh {
		return s.pools, nil
	}
	pools, err := s.load(ctx, now)
	if err != nil { // definitions go when a worker brings newer ones: look again
		if pools, err = s.load(ctx, now); err != nil {
			return nil, err
		}
	}
	s.pools, s.read = pools, now
	maps.DeleteFunc(s.catalogs, func(hash string, _ *catalog) bool {
		return !slices.ContainsFunc(pools, func(p Pool) bool { return p.Hash == hash })
	})
	return pools, nil
}

// load reads the pools and the definitions that are new. The caller holds mu.
func (s *Service) load(ctx context.Context, now time.Time) ([]Pool, error) {
	pools, err := s.store.Pools(ctx, now)
	if err != nil {
		return nil, err
	}
	for i := range pools {
		c, err := s.catalog(ctx, pools[i].Hash)
		if err != nil {
			return nil, err
		}
		pools[i].Catalog, pools[i].info = c.parsed, c.info
	}
	return pools, nil
}

// catalog reads and parses definitions once. The caller holds mu.
func (s *Service) catalog(ctx context.Context, hash string) (*catalog, error) {
	if c := s.catalogs[hash]; c != nil {
		return c, nil
	}
	body, err := s.store.Definitions(ctx, hash)
	if err != nil {
		return nil, err
	}
	c := &catalog{}
	if c.parsed, err = workflow.ParseCatalog(body); err != nil {
		return nil, err
	}
	if c.info, err = newObjectInfo(body); err != nil {
		return nil, err
	}
	s.catalogs[hash] = c
	return c, nil
}

// ObjectInfo is the answer of /object_info, or with a class that of
// /object_info/{class}: {} when no pool has it. A class comes from the first
// pool that has it; the account's own files are the choices of file inputs.
// (operationId getNodeInfo)
func (s *Service) ObjectInfo(ctx context.Context, accountID, class string) ([]byte, error) {
	pools, err := s.Pools(ctx)
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
	seen := map[string]bool{}
	out.WriteByte('{')
	for _, p := range pools {
		for _, d := range p.info.classes {
			if seen[d.name] || class != "" && d.name != class {
				continue
			}
			seen[d.name] = true
			if out.Len() > 1 {
				out.WriteByte(',')
			}
			d.write(&out, choices)
		}
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
