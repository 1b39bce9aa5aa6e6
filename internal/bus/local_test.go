package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/settee/settee/internal/bus"
)

var _ bus.Bus = bus.NewLocal()

func publish(t *testing.T, b bus.Bus, subject, body string) {
	t.Helper()
	if err := b.Publish(t.Context(), subject, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T, b bus.Bus, subject string, heard *[]string) func() {
	t.Helper()
	cancel, err := b.Subscribe(subject, func(body []byte) { *heard = append(*heard, string(body)) })
	if err != nil {
		t.Fatal(err)
	}
	return cancel
}

func TestEverySubscriberHearsItsSubjectInOrder(t *testing.T) {
	b := bus.NewLocal()
	var first, second, other []string
	listen(t, b, bus.Account+"ann", &first)
	listen(t, b, bus.Account+"ann", &second)
	listen(t, b, bus.Account+"bob", &other)
	for i := range 3 {
		publish(t, b, bus.Account+"ann", strconv.Itoa(i))
	}
	publish(t, b, bus.Account+"bob", "bob's")
	publish(t, b, bus.Jobs, "nobody listens")
	if want := []string{"0", "1", "2"}; !slices.Equal(first, want) || !slices.Equal(second, want) {
		t.Errorf("ann's listeners heard %v and %v", first, second)
	}
	if !slices.Equal(other, []string{"bob's"}) {
		t.Errorf("bob's listener heard %v", other)
	}
}

func TestNothingIsHeardBeforeSubscribingOrAfterCancelling(t *testing.T) {
	b := bus.NewLocal()
	var heard, stays []string
	publish(t, b, bus.Jobs, "before")
	cancel := listen(t, b, bus.Jobs, &heard)
	listen(t, b, bus.Jobs, &stays)
	publish(t, b, bus.Jobs, "between")
	cancel()
	cancel() // twice is once
	publish(t, b, bus.Jobs, "after")
	if !slices.Equal(heard, []string{"between"}) {
		t.Errorf("heard %v", heard)
	}
	if !slices.Equal(stays, []string{"between", "after"}) {
		t.Errorf("the other listener heard %v", stays)
	}
}

func TestASubscriberMayCancelAndSubscribeWhileItIsCalled(t *testing.T) {
	b := bus.NewLocal()
	var heard, later []string
	var cancel func()
	cancel, err := b.Subscribe(bus.Jobs, func(body []byte) {
		heard = append(heard, string(body))
		cancel()
		listen(t, b, bus.Jobs, &later)
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, b, bus.Jobs, "one")
	publish(t, b, bus.Jobs, "two")
	if !slices.Equal(heard, []string{"one"}) || !slices.Equal(later, []string{"two"}) {
		t.Errorf("heard %v, later %v", heard, later)
	}
}

func TestAGivenUpRequestStillTells(t *testing.T) {
	b := bus.NewLocal()
	var heard []string
	listen(t, b, bus.Jobs, &heard)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ctx, bus.Jobs, []byte("committed")); err != nil || len(heard) != 1 {
		t.Errorf("heard %v, %v", heard, err)
	}
}

func TestAClosedBusIsSilent(t *testing.T) {
	b := bus.NewLocal()
	var heard []string
	cancel := listen(t, b, bus.Jobs, &heard)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), bus.Jobs, nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("publishing: %v", err)
	}
	if _, err := b.Subscribe(bus.Jobs, func([]byte) {}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("subscribing: %v", err)
	}
	cancel()
	if len(heard) > 0 {
		t.Errorf("heard %v", heard)
	}
}

// All listeners see one order, and each publisher's own order is kept, while
// others come and go.
func TestOrderUnderManyPublishers(t *testing.T) {
	const publishers, messages = 8, 200
	b := bus.NewLocal()
	var first, second []string
	listen(t, b, bus.Jobs, &first)
	listen(t, b, bus.Jobs, &second)
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range messages {
				if err := b.Publish(context.Background(), bus.Jobs, fmt.Appendf(nil, "%d/%04d", p, i)); err != nil {
					t.Error(err)
				}
				cancel, err := b.Subscribe(bus.Jobs, func([]byte) {})
				if err != nil {
					t.Error(err)
					return
				}
				cancel()
			}
		})
	}
	all.Wait()
	if !slices.Equal(first, second) {
		t.Error("two listeners saw different orders")
	}
	for p := range publishers {
		own := slices.DeleteFunc(slices.Clone(first), func(s string) bool { return s[0] != byte('0'+p) })
		if len(own) != messages || !slices.IsSorted(own) {
			t.Errorf("publisher %d: %d messages, in order: %v", p, len(own), slices.IsSorted(own))
		}
	}
}

func BenchmarkPublishToNobody(b *testing.B) {
	l := bus.NewLocal()
	for b.Loop() {
		if err := l.Publish(context.Background(), "account.x", nil); err != nil {
			b.Fatal(err)
		}
	}
}
