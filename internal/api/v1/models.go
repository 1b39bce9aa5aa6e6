package v1

import (
	"net/http"
	"path"
	"strings"

	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/pool"
)

// GetModelTypes lists model folders by name: those that live workers have.
// (operationId getModelTypes)
func (a *API) GetModelTypes(w http.ResponseWriter, r *http.Request) {
	a.models(w, r, func(all []pool.Folder) any {
		names := []string{}
		for _, f := range all {
			names = append(names, f.Name)
		}
		return names
	})
}

// GetModelNames lists a folder's models by name. (operationId getModelNames)
func (a *API) GetModelNames(w http.ResponseWriter, r *http.Request, folder string) {
	a.folder(w, r, folder, func(f pool.Folder) any { return f.Files })
}

// GetModelFolders lists model folders. Where they are on each worker's disk is
// nobody's business. (operationId getModelFolders)
func (a *API) GetModelFolders(w http.ResponseWriter, r *http.Request) {
	a.models(w, r, func(all []pool.Folder) any {
		folders := []ModelFolder{}
		for _, f := range all {
			folders = append(folders, ModelFolder{Name: f.Name, Folders: []string{f.Name}})
		}
		return folders
	})
}

// GetModelsInFolder lists a folder's models. (operationId getModelsInFolder)
func (a *API) GetModelsInFolder(w http.ResponseWriter, r *http.Request, folder string) {
	a.folder(w, r, folder, func(f pool.Folder) any {
		files := []ModelFile{}
		for _, name := range f.Files {
			files = append(files, ModelFile{Name: name})
		}
		return files
	})
}

// GetEmbeddings lists embeddings, as prompts name them.
// (operationId getEmbeddings)
func (a *API) GetEmbeddings(w http.ResponseWriter, r *http.Request) {
	a.models(w, r, func(all []pool.Folder) any {
		names := []string{}
		for _, f := range all {
			if f.Name != "embeddings" {
				continue
			}
			for _, name := range f.Files {
				names = append(names, strings.TrimSuffix(name, path.Ext(name)))
			}
		}
		return names
	})
}

// models answers with something of all models.
func (a *API) models(w http.ResponseWriter, r *http.Request, show func([]pool.Folder) any) {
	all, err := a.Pools.Models(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, show(all))
}

// folder answers with something of one folder's models.
func (a *API) folder(w http.ResponseWriter, r *http.Request, name string, show func(pool.Folder) any) {
	all, err := a.Pools.Models(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	for _, f := range all {
		if f.Name == name {
			api.WriteJSON(w, http.StatusOK, show(f))
			return
		}
	}
	missing(w, r, "model folder")
}
