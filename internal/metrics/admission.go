package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
)

// Admission takes workflows in.
type Admission interface {
	Admit(ctx context.Context, account settee.Account, r admission.Request) (admission.Receipt, error)
}

// Admission is a, timed, with what it refuses counted.
func (m *Metrics) Admission(a Admission, now func() time.Time) Admission {
	return &timedAdmission{Admission: a, m: m, now: now}
}

type timedAdmission struct {
	Admission
	m   *Metrics
	now func() time.Time
}

func (a *timedAdmission) Admit(ctx context.Context, account settee.Account, r admission.Request) (admission.Receipt, error) {
	began := a.now()
	receipt, err := a.Admission.Admit(ctx, account, r)
	switch _, wrong := errors.AsType[*admission.Refused](err); {
	case err == nil:
		a.m.stage.WithLabelValues(admit).Observe(a.now().Sub(began).Seconds())
	case wrong:
		a.m.refused.WithLabelValues("invalid_workflow").Inc()
	default:
		a.m.refused.WithLabelValues(string(settee.CodeOf(err))).Inc()
	}
	return receipt, err
}
