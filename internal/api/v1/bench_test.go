package v1_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/v1"
)

// The surface's share of the path that clients poll, without the database.
func BenchmarkJobStatus(b *testing.B) {
	r := api.New(api.Deps{Accounts: keys{}, Log: slog.New(slog.DiscardHandler)})
	surface := &v1.API{Queue: oneJob{job: settee.Job{PromptID: id1, State: settee.InProgress, CreatedAt: start, StartedAt: start, UpdatedAt: start}}}
	surface.Mount(r)
	q := httptest.NewRequest("GET", "/api/job/"+id1+"/status", nil)
	q.Header.Set("X-API-Key", "key-a")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
