package store

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/workflow"
)

// catalogs keeps node definitions parsed, by their hash.
type catalogs struct {
	mu   sync.Mutex
	kept map[string]*workflow.Catalog
}

func (c *catalogs) read(tx *Tx, hash string) (*workflow.Catalog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.kept[hash]; known != nil {
		return known, nil
	}
	var body json.RawMessage
	if err := tx.QueryRow(`SELECT body FROM node_definitions WHERE hash = $1`, hash).Scan(JSON(&body)); err != nil {
		return nil, err
	}
	parsed, err := workflow.ParseCatalog(body)
	if err != nil {
		return nil, err
	}
	if c.kept == nil {
		c.kept = map[string]*workflow.Catalog{}
	}
	c.kept[hash] = parsed
	return parsed, nil
}

// keep forgets what no pool can run any more.
func (c *catalogs) keep(variants map[string][]pool.Variant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.kept, func(hash string, _ *workflow.Catalog) bool {
		for _, all := range variants {
			if slices.ContainsFunc(all, func(v pool.Variant) bool { return v.Hash == hash }) {
				return false
			}
		}
		return true
	})
}
