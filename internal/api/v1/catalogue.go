package v1

import (
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// What follows is true of a server whose workers bring no scripts or templates
// of their own, and keep what is in their models to themselves: there are none.

func none(w http.ResponseWriter)    { api.WriteRaw(w, http.StatusOK, []byte("{}")) }
func nothing(w http.ResponseWriter) { api.WriteRaw(w, http.StatusOK, []byte("[]")) }

func missing(w http.ResponseWriter, r *http.Request, what string) {
	api.Fail(w, r, settee.Faultf(settee.CodeNotFound, "There is no such %s.", what))
}

// GetExtensions lists scripts for an editor. (operationId getExtensions)
func (a *API) GetExtensions(w http.ResponseWriter, _ *http.Request) { nothing(w) }

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

// GetModelPreview is a model's picture. (operationId getModelPreview)
func (a *API) GetModelPreview(w http.ResponseWriter, r *http.Request, _ string, _ int, _ string) {
	missing(w, r, "model")
}

// ViewMetadata is what a model file says of itself. (operationId viewMetadata)
func (a *API) ViewMetadata(w http.ResponseWriter, r *http.Request, _ string, _ ViewMetadataParams) {
	missing(w, r, "model")
}
