package pool

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/settee/settee/internal/workflow"
)

// Variant is what some workers of a pool can run: those with the same node
// definitions, which list their models too.
type Variant struct {
	Hash    string            // of the definitions
	Live    bool              // a worker with them is connected now
	Catalog *workflow.Catalog // the definitions, parsed; filled by Service.Pools
	body    json.RawMessage
}

// catalog is one set of definitions, ready to validate with.
type catalog struct {
	body   json.RawMessage
	parsed *workflow.Catalog
}

// load reads the pools and what is new of their definitions. The caller holds
// mu.
func (s *Service) load(ctx context.Context, now time.Time) ([]Pool, error) {
	pools, err := s.store.Pools(ctx, now)
	if err != nil {
		return nil, err
	}
	for i := range pools {
		p := &pools[i]
		for j := range p.Variants {
			c, err := s.catalog(ctx, p.Variants[j].Hash)
			if err != nil {
				return nil, err
			}
			p.Variants[j].Catalog, p.Variants[j].body = c.parsed, c.body
		}
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
	parsed, err := workflow.ParseCatalog(body)
	if err != nil {
		return nil, err
	}
	s.catalogs[hash] = &catalog{body, parsed}
	return s.catalogs[hash], nil
}

// info is what the pools define together, made once for each order of their
// variants.
func (s *Service) info(pools []Pool) (*objectInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.Join(hashes(pools), " ")
	if info := s.infos[key]; info != nil {
		return info, nil
	}
	var bodies [][]byte
	for _, p := range pools {
		for _, v := range p.Variants {
			bodies = append(bodies, v.body)
		}
	}
	info, err := newObjectInfo(bodies...)
	if err != nil {
		return nil, err
	}
	if len(s.infos) >= keptInfos {
		clear(s.infos)
	}
	s.infos[key] = info
	return info, nil
}

// keptInfos is how many orders of variants are kept ready: it changes when
// workers come and go, and changes back.
const keptInfos = 8

// hashes names the variants of pools in their order.
func hashes(pools []Pool) (all []string) {
	for _, p := range pools {
		for _, v := range p.Variants {
			all = append(all, v.Hash)
		}
	}
	return all
}

// prune forgets the definitions that no pool has any more. The caller holds mu.
func (s *Service) prune(pools []Pool) {
	known := hashes(pools)
	maps.DeleteFunc(s.catalogs, func(hash string, _ *catalog) bool { return !slices.Contains(known, hash) })
	maps.DeleteFunc(s.infos, func(key string, _ *objectInfo) bool {
		return slices.ContainsFunc(strings.Fields(key), func(hash string) bool { return !slices.Contains(known, hash) })
	})
}
