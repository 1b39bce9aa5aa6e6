package pool

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/settee/settee/internal/pyjson"
)

// Folder is a folder of models and the names of its files, sorted as Python
// sorts. A name has the path below the folder.
type Folder struct {
	Name  string
	Files []string
}

// Models are the models that live workers have between them, by folder: in the
// first worker's order of folders, then those that only others have.
func (s *Service) Models(ctx context.Context) ([]Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.modelsRead.IsZero() && now.Sub(s.modelsRead) < fresh {
		return s.models, nil
	}
	lists, err := s.store.Models(ctx, now)
	if err != nil {
		return nil, err
	}
	if s.models, err = union(lists); err != nil {
		return nil, err
	}
	s.modelsRead = now
	return s.models, nil
}

func union(lists []json.RawMessage) ([]Folder, error) {
	var all []Folder
	for _, list := range lists {
		root, err := pyjson.Parse(list)
		if err != nil {
			return nil, fmt.Errorf("a worker's models: %w", err)
		}
		for _, m := range root.Members() {
			i := slices.IndexFunc(all, func(f Folder) bool { return f.Name == m.Key })
			if i < 0 {
				i = len(all)
				all = append(all, Folder{Name: m.Key, Files: []string{}})
			}
			for name := range m.Value.Items() {
				all[i].Files = append(all[i].Files, name.Text())
			}
		}
	}
	for i := range all {
		slices.Sort(all[i].Files)
		all[i].Files = slices.Compact(all[i].Files)
	}
	return all, nil
}
