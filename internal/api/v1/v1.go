// Package v1 is the surface that clients of Comfy Cloud and of a local ComfyUI
// already speak: openapi.yaml is its contract, contract.gen.go what is generated
// from it, and each other file serves the operations of one noun.
//
// What holds: each path that ComfyUI serves without /api is served without it
// too, with the same checks; faults are {"code","message"}, and on POST prompt
// ComfyUI's error and node_errors beside them; a graph is answered as the bytes
// that were submitted with the literals that validation converted; an operation
// of the contract that is not served yet answers 501.
package v1

//go:generate go tool -modfile=../../../tools/go.mod oapi-codegen -config codegen.yaml openapi.yaml

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

//go:embed openapi.yaml
var document []byte

// Queue is what the surface asks of the queue.
type Queue interface {
	Counts(ctx context.Context, accountID string) (queue.Counts, error)
	Status(ctx context.Context, accountID, promptID string) (settee.Job, error)
	Detail(ctx context.Context, accountID, promptID string) (record.Detail, error)
	List(ctx context.Context, accountID string, f record.Filter) ([]settee.Job, int, error)
	Live(ctx context.Context, accountID string) (running, pending []string, err error)
	History(ctx context.Context, accountID string, max, offset int) ([]string, error)
	Each(ctx context.Context, accountID string, ids []string, take func(*record.Detail) error) error
	Cancel(ctx context.Context, accountID, promptID string) (bool, error)
	CancelMany(ctx context.Context, accountID string, promptIDs []string) ([]string, error)
	Interrupt(ctx context.Context, accountID, promptID string) error
	DeletePending(ctx context.Context, accountID string, promptIDs []string) ([]string, error)
	ClearPending(ctx context.Context, accountID string) ([]string, error)
	HideHistory(ctx context.Context, accountID string, promptIDs []string) error
	ClearHistory(ctx context.Context, accountID string) error
}

// Admission takes workflows in.
type Admission interface {
	Admit(ctx context.Context, account settee.Account, r admission.Request) (admission.Receipt, error)
}

// Pools tells what the workers can run and run on.
type Pools interface {
	ObjectInfo(ctx context.Context, accountID, class string) ([]byte, error)
	Devices(ctx context.Context) (json.RawMessage, error)
	Models(ctx context.Context) ([]pool.Folder, error)
}

// API serves the surface.
type API struct {
	Unimplemented // answers what has no method below

	Queue     Queue
	Admission Admission
	Pools     Pools
	Assets    *asset.Service
	Live      *live.Hub

	Open          bool                                              // ComfyUI's answers under /api too
	TrustProxy    bool                                              // X-Forwarded-Proto and -Host say how clients reach the server
	StatusDialect string                                            // "raw": the cloud's internal words from GET /api/job/{id}/status
	Version       string                                            // of this server
	MaxUpload     int64                                             // bytes of a request that uploads; 0: ComfyUI's 100 MiB
	Ready         func(ctx context.Context) error                   // why the server cannot serve now; nil: it can
	Free          func(ctx context.Context, accountID string) error // has workers forget an account's results; nil: none keep any
	Now           func() time.Time

	definitions answers
}

var _ ServerInterface = (*API)(nil)

// unserved answers an operation that has no handler yet.
func unserved(w http.ResponseWriter, r *http.Request) {
	api.Fail(w, r, settee.Faultf(settee.CodeUnsupported, "This server does not serve that yet."))
}
