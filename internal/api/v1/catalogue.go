package v1

import (
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// What follows is true of a server whose workers bring no models, scripts or
// templates of their own: there are none.

func none(w http.ResponseWriter)    { api.WriteRaw(w, http.StatusOK, []byte("{}")) }
func nothing(w http.ResponseWriter) { api.WriteRaw(w, http.StatusOK, []byte("[]")) }

func missing(w http.ResponseWriter, r *http.Request, what string) {
	api.Fail(w, r, settee.Faultf(settee.CodeNotFound, "There is no such %s.", what))
}

// GetExtensions lists scripts for an editor. (operationId getExtensions)
func (a *API) GetExtensions(w http.ResponseWriter, _ *http.Request) { nothing(w) }

// GetEmbeddings lists embeddings. (operationId getEmbeddings)
func (a *API) GetEmbeddings(w http.ResponseWriter, _ *http.Request) { nothing(w) }

// GetNodeReplacements maps old nodes to new ones.
// (operationId getNodeReplacements)
func (a *API) GetNodeReplacements(w http.ResponseWriter, _ *http.Request) { none(w) }

// GetTranslations holds node packs' translations. (operationId getTranslations)
func (a *API) GetTranslations(w http.ResponseWriter, _ *http.Request) { none(w) }

// GetWorkflowTemplates lists node packs' templates.
// (operationId getWorkflowTemplates)
func (a *API) GetWorkflowTemplates(w http.ResponseWriter, _ *http.Request) { none(w) }

// GetGlobalSubgraphs lists shared subgraphs. (operationId getGlobalSubgraphs)
func (a *API) GetGlobalSubgraphs(w http.ResponseWriter, _ *http.Request) { none(w) }

// GetGlobalSubgraph is one of them. (operationId getGlobalSubgraph)
func (a *API) GetGlobalSubgraph(w http.ResponseWriter, r *http.Request, _ string) {
	missing(w, r, "subgraph")
}

// GetModelTypes lists model folders by name. (operationId getModelTypes)
func (a *API) GetModelTypes(w http.ResponseWriter, _ *http.Request) { nothing(w) }

// GetModelNames lists a folder's models by name. (operationId getModelNames)
func (a *API) GetModelNames(w http.ResponseWriter, r *http.Request, _ string) {
	missing(w, r, "model folder")
}

// GetModelFolders lists model folders. (operationId getModelFolders)
func (a *API) GetModelFolders(w http.ResponseWriter, _ *http.Request) { nothing(w) }

// GetModelsInFolder lists a folder's models. (operationId getModelsInFolder)
func (a *API) GetModelsInFolder(w http.ResponseWriter, r *http.Request, _ string) {
	missing(w, r, "model folder")
}

// GetModelPreview is a model's picture. (operationId getModelPreview)
func (a *API) GetModelPreview(w http.ResponseWriter, r *http.Request, _ string, _ int, _ string) {
	missing(w, r, "model")
}

// ViewMetadata is what a model file says of itself. (operationId viewMetadata)
func (a *API) ViewMetadata(w http.ResponseWriter, r *http.Request, _ string, _ ViewMetadataParams) {
	missing(w, r, "model")
}
